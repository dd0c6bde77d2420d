#include "tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "peer.h"

static void stop(void *object) {
    pid_t process = *(pid_t *)object;
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    free(object);
}

static void serve(const char *folder, const char *host) {
    int nothing = open("/dev/null", O_RDWR);
    if (chdir(folder) != 0) _exit(127);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    alarm(120);
    execlp("openssl", "openssl", "s_server", "-quiet", "-HTTP", "-accept", host, "-cert", "cert.pem", "-key", "key.pem", (char *)NULL);
    _exit(127);
}

static bool listens(const char *host) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strchr(host, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return there;
}

const char *tls_start(const char *folder) {
    const char *host = closed_port();
    assert_int_equal(system(text("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=localhost "
                                 "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null", folder)), 0);
    pid_t *process = malloc(sizeof *process);
    if (!process) abort();
    *process = fork();
    assert_true(*process >= 0);
    if (*process == 0) serve(folder, host);
    keep(process, stop);
    for (int i = 0; i < 5000 && !listens(host); i++) {
        usleep(2000);
    }
    assert_true(listens(host));
    return host;
}

void tls_answer(const char *folder, const char *path, const char *answer) {
    const char *file = text("%s/v2/%s", folder, path);
    assert_int_equal(system(text("mkdir -p $(dirname %s)", file)), 0);
    write_file(file, answer, strlen(answer));
}
