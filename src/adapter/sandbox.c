#include "config.h"

#include "adapter/sandbox.h"

#include "adapter/endpoints.h"
#include "adapter/host_conns.h"
#include "adapter/host_typing.h"
#include "base/typing_setting.h"

#include "base/address.h"
#include "laned/adapter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/input.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int
limit(int resource, rlim_t value)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)resource, &r) < 0)
		return -errno;
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < value)
		value = r.rlim_max;
	r.rlim_cur = r.rlim_max = value;
	return setrlimit((__rlimit_resource_t)resource, &r) < 0 ? -errno : 0;
}

/* The loop, laned, systemd, the log, folders, keyboards; and connections that still send their last. */
#define FILES_OF_THE_HOST 48u
_Static_assert(SANDBOX_FILES_MAX >= HOST_CONNS_MAX + HOST_LISTENERS_MAX +
					    2 * ENDPOINTS_PEERS_MAX + FILES_OF_THE_HOST,
	       "or a plug-in could take the descriptors of the bypass");

static int
set_limits(void)
{
	int rc = limit(RLIMIT_NOFILE, SANDBOX_FILES_MAX);

	if (rc == 0)
		rc = limit(RLIMIT_FSIZE, SANDBOX_FILE_BYTES_MAX);
	if (rc == 0)
		rc = limit(RLIMIT_NPROC,
			   0); /* no process and no thread beside this one */
	if (rc == 0 && !SANITIZED)
		rc = limit(RLIMIT_AS, SANDBOX_MEMORY_BYTES_MAX);
	return rc;
}

#ifdef HAVE_SECCOMP
/* What the host, libc, libevent, libsystemd's notifications and a crash of ours need. */
static const char *const allowed[] = {
	"accept4",
	"access",
	"brk",
	"clock_gettime",
	"clock_nanosleep",
	"close",
	"connect",
	"dup",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_wait",
	"eventfd2",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fchmod",
	"fcntl",
	"fdatasync",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"futex",
	"getdents64",
	"getegid",
	"geteuid",
	"getgid",
	"getpeername",
	"getpid",
	"getrandom",
	"getrlimit",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"inotify_add_watch",
	"inotify_init1",
	"inotify_rm_watch",
	"lseek",
	"lstat",
	"madvise",
	"mkdirat",
	"mlock",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"nanosleep",
	"newfstatat",
	"open",
	"openat",
	"poll",
	"ppoll",
	"pread64",
	"pwrite64",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"recvfrom",
	"recvmsg",
	"renameat",
	"renameat2",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_yield",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"setsockopt",
	"shutdown",
	"sigaltstack",
	"stat",
	"statx",
	"tgkill",
	"time",
	"timer_delete",
	"timer_settime",
	"timerfd_create",
	"timerfd_settime",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"write",
	"writev",
};

/* One call, allowed only when argument arg has that value. */
static int
allow_when(scmp_filter_ctx ctx, const char *call, unsigned arg, scmp_datum_t value)
{
	const struct scmp_arg_cmp same = { arg, SCMP_CMP_EQ, value, 0 };

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
				      seccomp_syscall_resolve_name(call), 1, &same);
}

/* A socket of that family and type; the flags beside the type do not matter. */
static int
allow_socket(scmp_filter_ctx ctx, int family, int type)
{
	const struct scmp_arg_cmp same[] = {
		{ 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)family },
		{ 1, SCMP_CMP_MASKED_EQ,
		  UINT32_MAX & ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK),
		  (scmp_datum_t)type },
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
				      seccomp_syscall_resolve_name("socket"), 2, same);
}

/* The arguments are ints here: the kernel does not look at what is above their 32 bits. */
static int
allow_ioctls(scmp_filter_ctx ctx, const unsigned long *list, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct scmp_arg_cmp same = { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX,
						   list[i] & UINT32_MAX };

		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
					    seccomp_syscall_resolve_name("ioctl"), 1,
					    &same);
	}
	return rc;
}

/* Is that a terminal? asks stdio; never TIOCSTI, which types into one. */
static const unsigned long usual_ioctls[] = { TCGETS, FIONREAD, FIONBIO };
static const unsigned long serial_ioctls[] = {
	TCGETS2,  TCSETS,   TCSETSW,  TCSETSF,  TCSETS2,  TCSETSW2, TCSETSF2, TCFLSH,
	TIOCEXCL, TIOCNXCL, TIOCMGET, TIOCMBIS, TIOCMBIC, TIOCSBRK, TIOCCBRK, TIOCOUTQ,
};

/* Which keys has it, what is its name; never what is pressed (EVIOCGKEY), nor to take it (EVIOCGRAB). */
static const unsigned long keyboard_ioctls[] = {
	EVIOCGBIT(EV_KEY, HOST_TYPING_KEYS_BYTES),
	EVIOCGNAME(HOST_TYPING_NAME_BYTES),
};

static int
add_serial_rules(scmp_filter_ctx ctx)
{
	int rc = allow_ioctls(ctx, serial_ioctls,
			      sizeof(serial_ioctls) / sizeof(serial_ioctls[0]));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
				      seccomp_syscall_resolve_name("flock"), 0);
	return rc;
}

static int
add_socket_rules(scmp_filter_ctx ctx, unsigned needs)
{
	static const char *const listening[] = { "bind", "listen" };
	static const int families[] = { AF_INET, AF_INET6 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		if ((needs & SANDBOX_INET) != 0)
			rc = allow_socket(ctx, families[i], SOCK_STREAM);
		if (rc == 0 && (needs & SANDBOX_NAMES) != 0)
			rc = allow_socket(ctx, families[i], SOCK_DGRAM);
		if (rc == 0 && (needs & SANDBOX_LISTEN) != 0)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
					      seccomp_syscall_resolve_name(listening[i]),
					      0);
	}
	return rc;
}

/*
 * kill only ourselves: raise() of a crash; sockets only to laned and systemd, and of what the
 * addresses need; limits only read.
 */
static int
add_narrow_rules(scmp_filter_ctx ctx, unsigned needs)
{
	int rc = allow_when(ctx, "kill", 0, (scmp_datum_t)getpid());

	if (rc == 0)
		rc = allow_when(ctx, "socket", 0, AF_UNIX);
	if (rc == 0)
		rc = allow_when(ctx, "prlimit64", 2, 0);
	if (rc == 0)
		rc = allow_ioctls(ctx, usual_ioctls,
				  sizeof(usual_ioctls) / sizeof(usual_ioctls[0]));
	if (rc == 0)
		rc = add_socket_rules(ctx, needs);
	if (rc == 0 && (needs & SANDBOX_TYPING) != 0)
		rc = allow_ioctls(ctx, keyboard_ioctls,
				  sizeof(keyboard_ioctls) / sizeof(keyboard_ioctls[0]));
	if (rc == 0 && (needs & SANDBOX_SERIAL) != 0)
		rc = add_serial_rules(ctx);
	return rc;
}

/* What malloc and the end of a process need. */
static const char *const memory_calls[] = {
	"brk",       "clock_gettime", "exit",  "exit_group", "futex",
	"getrandom", "madvise",       "mmap",  "mprotect",   "mremap",
	"munmap",    "rt_sigreturn",  "write",
};

static int
filter_all_but_memory(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = ctx == NULL ? -ENOMEM : 0;

	for (size_t i = 0; rc == 0 && i < sizeof(memory_calls) / sizeof(memory_calls[0]);
	     i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
				      seccomp_syscall_resolve_name(memory_calls[i]), 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

static int
filter_calls(uint32_t action, unsigned needs)
{
	scmp_filter_ctx ctx = seccomp_init(action);
	int rc = 0;

	if (ctx == NULL)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		int call = seccomp_syscall_resolve_name(allowed[i]);

		if (call >= 0) /* this machine has it */
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 0);
	}
	if (rc == 0)
		rc = add_narrow_rules(ctx, needs);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}
#endif

/* What one address needs; a text that is none needs nothing, and is refused elsewhere. */
static unsigned
address_needs(const char *text)
{
	char why[ADDRESS_WHY_BYTES];
	struct address a;

	if (typing_setting_is(str_of(text)))
		return SANDBOX_TYPING;
	if (address_parse(str_of(text), &a, why) < 0)
		return 0;
	if (a.kind == ADDRESS_SERIAL)
		return SANDBOX_SERIAL;
	if (a.kind == ADDRESS_UNIX)
		return SANDBOX_LISTEN;
	return SANDBOX_INET | SANDBOX_LISTEN | (a.numeric ? 0 : SANDBOX_NAMES);
}

unsigned
sandbox_needs(const struct adapter_conf *c)
{
	const struct adapter_endpoints *e = adapter_conf_endpoints(c);
	unsigned needs = address_needs(e->pos) | address_needs(e->terminal);
	struct adapter_option o;

	for (size_t i = 0; adapter_conf_option_at(c, i, &o) == 0; i++)
		if (o.type == LANED_OPT_ADDRESS)
			needs |= address_needs(o.text);
	return needs;
}

int
sandbox_enter(enum adapter_seccomp mode, unsigned needs)
{
	int rc = set_limits();

	if (rc < 0)
		return rc;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
#ifdef HAVE_SECCOMP
	if (mode == ADAPTER_SECCOMP_OFF || SANITIZED)
		return 0;
	return filter_calls(mode == ADAPTER_SECCOMP_LOG ? SCMP_ACT_LOG
							: SCMP_ACT_ERRNO(EPERM),
			    needs);
#else
	(void)mode;
	(void)needs;
	return 0;
#endif
}

int
sandbox_memory_only(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
#ifdef HAVE_SECCOMP
	return SANITIZED ? -ENOSYS : filter_all_but_memory();
#else
	return -ENOSYS;
#endif
}

bool
sandbox_is_sanitized(void)
{
	return SANITIZED;
}

const char *
sandbox_words(enum adapter_seccomp mode)
{
#ifdef HAVE_SECCOMP
	if (SANITIZED)
		return "seccomp left out under a sanitizer";
	switch (mode) {
	case ADAPTER_SECCOMP_ENFORCE:
		return "seccomp enforced";
	case ADAPTER_SECCOMP_LOG:
		return "seccomp logs only";
	case ADAPTER_SECCOMP_OFF:
		break;
	}
	return "seccomp off";
#else
	(void)mode;
	return "built without seccomp";
#endif
}
