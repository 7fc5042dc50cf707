"""The parts of ./lisse, the launcher. Standard library only; ARCHITECTURE.md names each file."""
