/* Runs a program that cannot outlive the bench: it is killed with whoever started it, and after three minutes.
 * Both bounds survive exec, and the process id stays the same.
 *
 * leash PROGRAM ARGUMENT... */
#include "common.h"

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    bound_lifetime();
    execvp(argv[1], argv + 1);
    die(argv[1]);
}
