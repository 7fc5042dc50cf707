"""lisse-cc is a drop-in for `gcc -static`: its options, its libraries, and no i686 instruction.

Programs are compiled into a temporary folder and run on the host (tools/run32), not on Lisse.
"""

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LISSE_CC = os.path.join(ROOT, "lisse-cc")
RUN32 = os.path.join(ROOT, "tools", "run32")
sys.path.insert(0, os.path.join(ROOT, "tools"))
import check_i586  # noqa: E402

# musl's control of MXCSR runs only when AT_HWCAP says that there is one.
MUSL_MXCSR = r"^(__)?fe\w+: (ld|st)mxcsr"


def cc(folder, *arguments, environment=None, check=True):
    return subprocess.run([LISSE_CC, *map(str, arguments)], cwd=folder, capture_output=True,
                          text=True, env=environment, check=check)


def run(program, *arguments):
    return subprocess.run([RUN32, str(program), *arguments], capture_output=True, text=True,
                          timeout=20)


def build(folder, source, *options):
    """Compiles and links one source in `folder`; returns the program."""
    (folder / "p.c").write_text(source)
    cc(folder, "-std=gnu11", "-Wall", "-Werror", "-O2", *options, "p.c", "-o", "p", "-lm")
    assert not list(check_i586.forbidden(str(folder / "p"), MUSL_MXCSR))
    return folder / "p"


def test_several_sources_in_one_command(tmp_path):
    (tmp_path / "a.c").write_text("int b(void); int main(void) { return b(); }\n")
    (tmp_path / "b.c").write_text("int b(void) { return 7; }\n")
    cc(tmp_path, "a.c", "b.c")
    assert run(tmp_path / "a.out").returncode == 7


def test_objects_and_archive(tmp_path):
    (tmp_path / "a.c").write_text("int b(void); int main(void) { return b(); }\n")
    (tmp_path / "b.c").write_text("int b(void) { return 9; }\n")
    cc(tmp_path, "-c", "a.c")
    cc(tmp_path, "-c", "b.c", "-o", "other.o")
    subprocess.run(["ar", "rcs", "libb.a", "other.o"], cwd=tmp_path, check=True)
    cc(tmp_path, "a.o", "-L.", "-lb", "-o", "p")
    assert run(tmp_path / "p").returncode == 9


def test_make_uses_it_as_cc(tmp_path):
    (tmp_path / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hi"); }\n')
    subprocess.run(["make", "-s", f"CC={LISSE_CC}", "CFLAGS=-O1 -static", "LDLIBS=-lm", "hello"],
                   cwd=tmp_path, check=True)
    assert run(tmp_path / "hello").stdout == "hi\n"


def test_preprocess_assemble_dependencies(tmp_path):
    (tmp_path / "a.h").write_text("#define ANSWER 42\n")
    (tmp_path / "a.c").write_text('#include "a.h"\n#include <stdio.h>\nint x = ANSWER;\n')
    assert "int x = 42;" in cc(tmp_path, "-E", "a.c").stdout
    assert "musl" not in cc(tmp_path, "-MM", "a.c").stdout
    assert "musl/include/stdio.h" in cc(tmp_path, "-M", "a.c").stdout
    cc(tmp_path, "-S", "a.c")
    assert ".long\t42" in (tmp_path / "a.s").read_text()
    cc(tmp_path, "-MMD", "-MF", "deps", "-c", "a.c")
    assert "a.h" in (tmp_path / "deps").read_text()


def test_from_standard_input_and_any_folder(tmp_path):
    link = tmp_path / "my-cc"
    link.symlink_to(LISSE_CC)
    subprocess.run([link, "-x", "c", "-", "-o", "p"], cwd=tmp_path, check=True, text=True,
                   input="int main(void) { return 3; }\n")
    assert run(tmp_path / "p").returncode == 3


def test_program_is_static_and_not_pie(tmp_path):
    program = build(tmp_path, "int main(void) { return 0; }\n", "-pie", "-fPIE", "-static")
    header = subprocess.run(["readelf", "-hlW", program], capture_output=True, text=True,
                            check=True).stdout
    assert "EXEC (Executable file)" in header and "Intel 80386" in header
    assert "INTERP" not in header and "DYNAMIC" not in header


def test_pthreads_and_thread_local(tmp_path):
    program = build(tmp_path, r"""
#include <pthread.h>
#include <stdio.h>
static _Thread_local int mine = 5;
static int sum;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *work(void *argument)
{
    mine += *(int *)argument;
    pthread_mutex_lock(&lock);
    sum += mine;
    pthread_mutex_unlock(&lock);
    return NULL;
}
int main(void)
{
    pthread_t threads[4];
    int numbers[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%d %d\n", sum, mine);
    return 0;
}
""", "-pthread")
    assert run(program).stdout == "30 5\n"


def test_c11_threads_and_atomics(tmp_path):
    program = build(tmp_path, r"""
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <threads.h>
static _Atomic uint64_t wide;
static int work(void *argument)
{
    (void)argument;
    for (int i = 0; i < 1000; i++) {
        atomic_fetch_add(&wide, UINT64_C(0x100000001));
    }
    return 6;
}
int main(void)
{
    thrd_t a, b;
    int result = 0;
    thrd_create(&a, work, NULL);
    thrd_create(&b, work, NULL);
    thrd_join(a, NULL);
    thrd_join(b, &result);
    printf("%d %llx\n", result, (unsigned long long)wide);
    return 0;
}
""")
    assert run(program).stdout == "6 7d0000007d0\n"


def test_complex_arithmetic(tmp_path):
    program = build(tmp_path, r"""
#include <complex.h>
#include <math.h>
#include <stdio.h>
int main(void)
{
    volatile float complex f = 3 + 4 * I, g = 1 - 2 * I;
    volatile double complex a = 3 + 4 * I, b = 1 - 2 * I, inf = CMPLX(INFINITY, NAN), z = 0;
    volatile long double complex l = 3 + 4 * I, m = 1 - 2 * I;
    float complex fq = f / g, fp = f * g;
    double complex q = a / b, p = a * b, i = inf * a, d = a / z, s = a / inf;
    double complex big = CMPLX(1e300, 1e300);
    volatile double complex huge = big;
    double complex one = huge / huge;
    long double complex lq = l / m, lp = l * m;
    printf("%g %g %g %g\n", crealf(fq), cimagf(fq), crealf(fp), cimagf(fp));
    printf("%g %g %g %g\n", creal(q), cimag(q), creal(p), cimag(p));
    printf("%Lg %Lg %Lg %Lg\n", creall(lq), cimagl(lq), creall(lp), cimagl(lp));
    printf("%d %d\n", isinf(creal(i)) || isinf(cimag(i)), isinf(creal(d)) && isinf(cimag(d)));
    printf("%g %g %g %g\n", fabs(creal(s)), fabs(cimag(s)), creal(one), cimag(one));
    return 0;
}
""")
    assert run(program).stdout == "-1 2 11 -2\n" * 3 + "1 1\n0 0 1 0\n"


def test_power_bits_and_conversions(tmp_path):
    program = build(tmp_path, r"""
#include <limits.h>
#include <stdio.h>
int main(void)
{
    volatile double x = 1.5;
    volatile float f = 2;
    volatile long double l = 3;
    volatile int seven = 7, minus = -2, least = INT_MIN, zero = 0, bits = 96;
    volatile double big = 1.5e19, three = 3e9;
    volatile float bigf = 4e9f;
    volatile long long wide = 1ll << 40;
    printf("%g %g %g %Lg %g\n", __builtin_powi(x, seven), (double)__builtin_powif(f, minus),
           __builtin_powi(1.0 + 0 * x, least), __builtin_powil(l, seven), __builtin_powi(x, zero));
    printf("%d %d %d\n", __builtin_ffs(bits), __builtin_ffs(zero), __builtin_ffsll(wide));
    printf("%llu %u %u %lld\n", (unsigned long long)big, (unsigned)three, (unsigned)bigf,
           (long long)-three);
    return 0;
}
""")
    assert run(program).stdout == ("17.0859 0.25 1 2187 1\n6 0 41\n"
                                   "15000000000000000000 3000000000 4000000000 -3000000000\n")


def test_long_double_and_mathematics(tmp_path):
    program = build(tmp_path, r"""
#include <fenv.h>
#include <math.h>
#include <stdio.h>
int main(void)
{
    volatile long double third = 1.0L;
    volatile double two = 2;
    third /= 3;
    fesetround(FE_UPWARD);
    fesetround(FE_TONEAREST);
    printf("%.20Lf %.15f %.15f %d\n", third, sqrt(two), pow(two, 0.5), (int)lrint(two * 1.3));
    return 0;
}
""")
    assert run(program).stdout == "0.33333333333333333334 1.414213562373095 1.414213562373095 3\n"


def test_file_calls_and_dl_library_names(tmp_path):
    program = build(tmp_path, r"""
#include <errno.h>
#include <stdio.h>
#include <string.h>
int main(int count, char **words)
{
    FILE *file = fopen(words[count - 1], "r");
    if (!file) {
        fprintf(stderr, "%s\n", strerror(errno));
        return 4;
    }
    return 0;
}
""", "-ldl", "-lpthread", "-lrt")
    assert run(program, "/nowhere").returncode == 4


def test_128_bit_float_is_refused_by_name(tmp_path):
    (tmp_path / "p.c").write_text("int main(int c, char **v) { volatile __float128 x = c;\n"
                                  "(void)v; x = x * x; return (int)x; }\n")
    result = cc(tmp_path, "p.c", check=False)
    assert result.returncode != 0
    assert "lisse_cc_refuses_libgcc_member_multf3_it_has_instructions_a_Pentium" in result.stderr


@pytest.mark.parametrize("option, word", [("-shared", "static"), ("-m64", "32-bit")])
def test_what_cannot_be_is_said(tmp_path, option, word):
    (tmp_path / "p.c").write_text("int x;\n")
    result = cc(tmp_path, option, "p.c", check=False)
    assert result.returncode != 0 and word in result.stderr


def test_missing_musl_says_what_to_do(tmp_path):
    result = cc(tmp_path, "p.c", check=False, environment=dict(os.environ, LISSE_MUSL="/nowhere"))
    assert result.returncode != 0 and "make -C" in result.stderr and "musl" in result.stderr


def test_source_error_gives_its_place_and_status(tmp_path):
    (tmp_path / "p.c").write_text("int main(void) { return nothing; }\n")
    result = cc(tmp_path, "p.c", check=False)
    assert result.returncode != 0 and "p.c:1" in result.stderr
