#include "ctl/ctl.h"

#include "base/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_TIMEOUT_MS 30000
#define PARAMS_BYTES_MAX (1000u * 1024u)
#define ANSWER_BYTES_MAX (32u << 20)

int
ctl_conf(struct ctl *c)
{
	if (c->conf != NULL)
		return 0;
	return keys_load(c->conf_file, &c->conf) < 0 ? CTL_CONFIG : 0;
}

static void
on_lane_changed(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		const struct value *params)
{
	struct ctl *c = ctx;

	(void)peer;
	if (c->on_notify != NULL)
		c->on_notify(c->notify_ctx, "lane.changed", params);
	if (call != NULL)
		rpc_reply(call, NULL);
}

static void
on_enrol_progress(void *ctx, struct rpc_peer *peer, struct rpc_call *call,
		  const struct value *params)
{
	struct ctl *c = ctx;

	(void)peer;
	if (c->on_notify != NULL)
		c->on_notify(c->notify_ctx, "enrol.progress", params);
	if (call != NULL)
		rpc_reply(call, NULL);
}

static const struct rpc_method methods[] = {
	{ "lane.changed", UINT32_MAX, 0, on_lane_changed },
	{ "enrol.progress", UINT32_MAX, 0, on_enrol_progress },
};

static void
on_closed(void *ctx, struct rpc_peer *peer, int err)
{
	struct ctl *c = ctx;

	(void)peer;
	(void)err;
	c->peer = NULL;
	c->lost = true;
}

static int
connect_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (str_copy(sa.sun_path, sizeof(sa.sun_path), str_of(path)) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int rc = -errno;

		(void)close(fd); /* never connected */
		return rc;
	}
	return fd;
}

/* The control socket's path: given, or from the configuration. 0 or an exit code. */
static int
socket_path(struct ctl *c, char *path, size_t bytes)
{
	int rc;

	if (c->socket != NULL)
		return str_copy(path, bytes, str_of(c->socket)) < 0 ? CTL_USAGE : 0;
	rc = ctl_conf(c);
	if (rc != 0)
		return rc;
	if (snprintf(path, bytes, "%s/control.sock", conf_str(c->conf, "paths", "run")) >=
	    (int)bytes)
		return CTL_CONFIG;
	return 0;
}

static int
open_peer(struct ctl *c)
{
	char path[108];
	int fd, rc;

	if (c->peer != NULL)
		return 0;
	rc = socket_path(c, path, sizeof(path));
	if (rc != 0)
		return rc;
	fd = connect_socket(path);
	if (fd == -EACCES)
		return ctl_fail(CTL_DENIED, "%s: permission denied", path);
	if (fd < 0)
		return ctl_fail(CTL_UNREACHABLE, "%s: %s; is laned running?", path,
				strerror(-fd));
	if (c->loop == NULL && loop_new(&c->loop) < 0) {
		(void)close(fd); /* nothing was said yet */
		return ctl_fail(CTL_INTERNAL, "out of memory");
	}
	c->hooks =
		(struct rpc_hooks){ .methods = methods,
				    .methods_count = sizeof(methods) / sizeof(methods[0]),
				    .ctx = c,
				    .closed = on_closed };
	if (rpc_peer_new(c->loop, fd, 1, &c->hooks, &c->peer) < 0)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	return 0;
}

bool
ctl_reachable(struct ctl *c)
{
	char path[108];
	int fd = socket_path(c, path, sizeof(path)) == 0 ? connect_socket(path) : -EINVAL;

	if (fd < 0)
		return false;
	(void)close(fd); /* nothing was said */
	return true;
}

struct json_out *
ctl_params(struct ctl *c)
{
	if (c->out == NULL)
		c->out = json_out_new(PARAMS_BYTES_MAX);
	if (c->out == NULL)
		return NULL;
	json_out_reset(c->out);
	json_open_object(c->out, NULL);
	return c->out;
}

/* The exit code for an error that laned answered. */
static int
answer_code(const struct rpc_error *e)
{
	switch (e->code) {
	case RPC_DENIED:
		return CTL_DENIED;
	case RPC_PARAMS:
		return CTL_DATA;
	default:
		return CTL_NO;
	}
}

int
ctl_ask(struct ctl *c, const char *method, struct json_out *params,
	const struct value **ret_result)
{
	struct rpc_ask ask = { method, params, ASK_TIMEOUT_MS };
	struct rpc_error error = { 0, "" };
	int rc = open_peer(c);

	if (rc != 0)
		return rc;
	if (params != NULL)
		json_close(params);
	if (c->arena == NULL)
		c->arena = arena_new(ANSWER_BYTES_MAX);
	if (c->arena == NULL)
		return ctl_fail(CTL_INTERNAL, "out of memory");
	arena_reset(c->arena);
	rc = rpc_request_wait(c->peer, &ask, c->arena, ret_result, &error);
	if (rc == 0)
		return 0;
	if (rc == -EREMOTEIO)
		return ctl_fail(answer_code(&error), "%s", error.message);
	if (rc == -EMSGSIZE || rc == -EILSEQ)
		return ctl_fail(CTL_DATA, "%s: the input is too long or not UTF-8",
				method);
	return ctl_fail(CTL_UNREACHABLE, "laned does not answer: %s", strerror(-rc));
}

int
ctl_wait(struct ctl *c, bool (*done)(void *ctx))
{
	while (!done(c->notify_ctx)) {
		if (c->lost || c->peer == NULL)
			return ctl_fail(CTL_UNREACHABLE, "laned went away");
		if (loop_once(c->loop, -1) < 0)
			return ctl_fail(CTL_INTERNAL, "the event loop failed");
	}
	return 0;
}

void
ctl_close(struct ctl *c)
{
	c->peer = rpc_peer_free(c->peer);
	c->loop = loop_free(c->loop);
	c->arena = arena_free(c->arena);
	c->out = json_out_free(c->out);
	c->conf = conf_free(c->conf);
}
