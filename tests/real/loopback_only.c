/* Preloaded into the tests' Asterisk: every socket that asks for "all addresses"
 * gets the loopback address instead.  PJSIP's resolver and RTP open such UDP
 * sockets and have no setting that would stop them. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in a4;
	struct sockaddr_in6 a6;

	if (sa && sa->sa_family == AF_INET && len >= sizeof(a4)) {
		memcpy(&a4, sa, sizeof(a4));
		if (a4.sin_addr.s_addr == htonl(INADDR_ANY)) {
			a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			return syscall(SYS_bind, fd, &a4, (socklen_t) sizeof(a4));
		}
	} else if (sa && sa->sa_family == AF_INET6 && len >= sizeof(a6)) {
		memcpy(&a6, sa, sizeof(a6));
		if (!memcmp(&a6.sin6_addr, &in6addr_any, sizeof(a6.sin6_addr))) {
			a6.sin6_addr = in6addr_loopback;
			return syscall(SYS_bind, fd, &a6, (socklen_t) sizeof(a6));
		}
	}
	return syscall(SYS_bind, fd, sa, len);
}
