/* A peer: its life, and the dispatch of what it says. */
#include "base/rpc_private.h"

#include "base/clock.h"
#include "base/crash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads after the peer was lost, to hear what it said before. */
#define LAST_READS_MAX 64u

static const struct value no_params = { .kind = VALUE_OBJECT };

static void
kept_drop(struct rpc_peer *p)
{
	while (p->kept != NULL) {
		struct rpc_kept *k = p->kept;

		p->kept = k->next;
		explicit_bzero(k->text, k->n);
		free(k);
	}
	p->kept_end = &p->kept;
	p->kept_bytes = 0;
}

/* Closes everything that could call back. Harmless when done before. */
static void
peer_shut(struct rpc_peer *p)
{
	p->io = loop_io_free(p->io);
	p->resume = loop_timer_free(p->resume);
	p->timeouts = loop_timer_free(p->timeouts);
	if (p->fd >= 0)
		(void)close(p->fd); /* a socket: there is nothing to lose */
	p->fd = -1;
	rpc_buf_free(&p->in);
	rpc_buf_free(&p->unsent);
	p->spare = arena_free(p->spare);
	kept_drop(p);
	while (p->calls != NULL) {
		struct rpc_call *call = p->calls;

		p->calls = call->next;
		call->peer = NULL; /* the handler frees it by its answer */
		call->prev = call->next = NULL;
	}
	p->calls_count = 0;
}

static void
pending_finish(struct rpc_peer *p, struct rpc_pending **where, const struct value *result,
	       const struct rpc_error *error)
{
	struct rpc_pending *q = *where;

	*where = q->next;
	p->pending_count--;
	rpc_pending_arm(p);
	crash_point("rpc.dispatch");
	q->done(q->ctx, result, error);
	free(q);
}

/* The one end of every peer: shut, tell those who wait, tell the owner. */
static void
peer_end(struct rpc_peer *p, bool tell_program)
{
	static const struct rpc_error gone = { RPC_GONE, "the peer went away" };
	int err = p->err;

	if (p->ended)
		return;
	p->ended = true;
	p->at_end = true;
	p->busy++;
	if (err == 0 && rpc_buf_used(&p->in) > 0)
		err = -EPROTO; /* it died in mid-line */
	peer_shut(p);
	while (p->pending != NULL)
		pending_finish(p, &p->pending, NULL, &gone);
	if (tell_program && !p->freed && p->hooks->closed != NULL) {
		crash_point("rpc.dispatch");
		p->hooks->closed(p->hooks->ctx, p, err);
	}
	p->freed = true;
	if (p->left != NULL)
		p->left(p->owner, p, err);
	p->busy--;
}

static void
peer_destroy_if_idle(struct rpc_peer *p)
{
	if (!p->freed || p->busy > 0)
		return;
	assert(p->ended);
	json_out_free(p->out);
	free(p);
}

/* Reads the id of a request into call. 0; 1 there is none; -EINVAL a wrong one. */
static int
id_get(const struct value *message, struct rpc_call *call)
{
	const struct value *id = value_member(message, "id");

	if (id == NULL)
		return 1;
	if (id->kind == VALUE_INT) {
		call->id = id->i;
		return 0;
	}
	if (id->kind != VALUE_STRING)
		return -EINVAL;
	call->id_is_text = true;
	return str_copy(call->id_text, sizeof(call->id_text), id->s) < 0 ? -EINVAL : 0;
}

/* 0 and *ret_call, or the code and *ret_why. */
static int
call_new(struct rpc_peer *p, const struct rpc_call *id, struct rpc_call **ret_call,
	 const char **ret_why)
{
	struct rpc_call *call;

	*ret_why = "too many requests under way";
	if (p->calls_count >= RPC_PENDING_MAX)
		return RPC_REFUSED;
	*ret_why = "out of memory";
	call = malloc(sizeof(*call));
	if (call == NULL)
		return RPC_INTERNAL;
	*call = *id;
	call->peer = p;
	call->prev = NULL;
	call->next = p->calls;
	if (p->calls != NULL)
		p->calls->prev = call;
	p->calls = call;
	p->calls_count++;
	*ret_call = call;
	return 0;
}

static const struct rpc_method *
method_find(const struct rpc_hooks *hooks, struct str name)
{
	for (size_t i = 0; i < hooks->methods_count; i++)
		if (str_is(name, hooks->methods[i].name))
			return &hooks->methods[i];
	return NULL;
}

/* Whether p may call m now with these params: 0, or the code and *ret_why. */
static int
method_check(struct rpc_peer *p, const struct rpc_method *m, const struct value *params,
	     const char **ret_why)
{
	*ret_why = "unknown method";
	if (m == NULL)
		return RPC_NO_METHOD;
	*ret_why = "this peer may not call this method";
	if ((m->roles & p->role) == 0)
		return RPC_DENIED;
	*ret_why = "not in this phase";
	if (m->phases != 0 && p->hooks->phase != NULL &&
	    (m->phases & p->hooks->phase(p->hooks->ctx, p)) == 0)
		return RPC_DENIED;
	*ret_why = "params must be an object";
	return params == NULL || params->kind == VALUE_OBJECT ? 0 : RPC_PARAMS;
}

static void
on_call(struct rpc_peer *p, const struct value *message, struct str name)
{
	const struct value *params = value_member(message, "params");
	const struct rpc_method *m = method_find(p->hooks, name);
	struct rpc_call id = { .id = 0 }, *call = NULL;
	int id_rc = id_get(message, &id), code;
	const char *why;

	if (id_rc < 0) {
		rpc_send_error(p, NULL, RPC_INVALID,
			       "id must be an integer or a short string");
		return;
	}
	code = method_check(p, m, params, &why);
	if (code == 0 && id_rc == 0)
		code = call_new(p, &id, &call, &why);
	if (code != 0) {
		if (id_rc == 0)
			rpc_send_error(p, &id, code, why);
		else
			p->ignored++; /* nobody waits for the error of a notification */
		return;
	}
	crash_point("rpc.dispatch");
	m->handler(p->hooks->ctx, p, call, params != NULL ? params : &no_params);
}

static void
on_answer(struct rpc_peer *p, const struct value *message)
{
	const struct value *id = value_member(message, "id"), *result;
	struct rpc_error error = { 0 };

	for (struct rpc_pending **q = &p->pending; *q != NULL; q = &(*q)->next) {
		if (id == NULL || id->kind != VALUE_INT || id->i != (*q)->id)
			continue;
		result = rpc_answer(message, &error);
		pending_finish(p, q, result, result != NULL ? NULL : &error);
		return;
	}
	p->ignored++; /* late, doubled or made up */
}

static void
on_message(struct rpc_peer *p, const struct value *message)
{
	struct str version = { NULL, 0 }, method = { NULL, 0 };
	int rc;

	if (message->kind == VALUE_ARRAY) {
		rpc_send_error(p, NULL, RPC_INVALID, "batches are not supported");
		return;
	}
	if (message->kind != VALUE_OBJECT ||
	    value_get_str(message, "jsonrpc", 8, &version) < 0 ||
	    !str_is(version, "2.0")) {
		rpc_send_error(p, NULL, RPC_INVALID, "this is not JSON-RPC 2.0");
		rpc_peer_reject(p, -EBADMSG);
		return;
	}
	rc = value_get_str(message, "method", RPC_LINE_BYTES_MAX, &method);
	if (rc == 0)
		on_call(p, message, method);
	else if (rc == -ENOENT && (value_member(message, "result") != NULL ||
				   value_member(message, "error") != NULL))
		on_answer(p, message);
	else
		rpc_send_error(p, NULL, RPC_INVALID, "neither a request nor an answer");
}

/* The memory of a message, which its handler may free the peer during; it is the peer's between. */
static struct arena *
take_spare(struct rpc_peer *p)
{
	struct arena *arena = p->spare;

	p->spare = NULL;
	return arena != NULL ? arena : arena_new(RPC_ARENA_BYTES_MAX);
}

static void
give_spare(struct rpc_peer *p, struct arena *arena)
{
	if (arena == NULL || p->ended || p->spare != NULL) {
		arena_free(arena);
		return;
	}
	arena_reset(arena);
	p->spare = arena;
}

static void
on_line(struct rpc_peer *p, struct str line)
{
	struct arena *arena = take_spare(p);
	const struct value *message = NULL;
	struct json_error error = { 0 };
	int rc = -ENOMEM;

	if (arena != NULL)
		rc = json_parse(arena, line, 0, &message, &error);
	if (rc == 0) {
		on_message(p, message);
	} else {
		rpc_send_error(p, NULL, rc == -EBADMSG ? RPC_PARSE : RPC_INTERNAL,
			       rc == -EBADMSG ? error.what
					      : "the message needs too much memory");
		rpc_peer_reject(p, rc);
	}
	give_spare(p, arena);
}

/* Dispatches every whole line there is. */
static void
peer_work(struct rpc_peer *p)
{
	while (!p->freed) {
		struct rpc_kept *k = p->kept;
		struct str line = { NULL, 0 };
		int rc = 1;

		if (k != NULL) {
			p->kept = k->next;
			if (p->kept == NULL)
				p->kept_end = &p->kept;
			p->kept_bytes -= k->n;
			line = (struct str){ k->text, k->n };
		} else {
			rc = rpc_buf_line(&p->in, &line);
		}
		if (rc > 0)
			on_line(p, line);
		free(k);
		if (rc < 0) {
			rpc_send_error(p, NULL, RPC_INVALID, "the line is too long");
			rpc_peer_reject(p, rc);
		}
		if (rc <= 0)
			return;
	}
}

/* One turn of the loop for p. p may be gone afterwards. */
static void
peer_turn(struct rpc_peer *p)
{
	p->busy++;
	peer_work(p);
	for (unsigned i = 0; !p->freed && p->at_end && i < LAST_READS_MAX; i++) {
		if (rpc_peer_read(p) <= 0)
			break;
		peer_work(p);
	}
	if (!p->freed && p->at_end)
		peer_end(p, true);
	p->busy--;
	peer_destroy_if_idle(p);
}

static void
io_cb(void *ctx, unsigned events)
{
	struct rpc_peer *p = ctx;

	if (events & LOOP_WRITE)
		rpc_peer_flush(p);
	if (events & LOOP_READ)
		(void)rpc_peer_read(p); /* the turn sees what came of it */
	peer_turn(p);
}

static void
resume_cb(void *ctx)
{
	peer_turn(ctx);
}

static void
timeouts_cb(void *ctx)
{
	static const struct rpc_error late = { RPC_TIMEOUT, "no answer in time" };
	struct rpc_peer *p = ctx;
	int64_t now_ms = clock_mono_ms();

	p->busy++;
	for (;;) {
		struct rpc_pending **q = &p->pending;

		/* From the start each time: a callback may have changed the list. */
		while (*q != NULL && (*q)->deadline_ms > now_ms)
			q = &(*q)->next;
		if (*q == NULL)
			break;
		pending_finish(p, q, NULL, &late);
	}
	rpc_pending_arm(p);
	p->busy--;
	peer_destroy_if_idle(p);
}

void
rpc_pending_arm(struct rpc_peer *p)
{
	int64_t first_ms = INT64_MAX, now_ms;

	if (p->timeouts == NULL)
		return;
	for (const struct rpc_pending *q = p->pending; q != NULL; q = q->next)
		if (q->deadline_ms < first_ms)
			first_ms = q->deadline_ms;
	loop_timer_cancel(p->timeouts);
	if (first_ms == INT64_MAX)
		return;
	now_ms = clock_mono_ms();
	if (loop_timer_set(p->timeouts, first_ms > now_ms ? first_ms - now_ms : 0) < 0)
		rpc_peer_lose(p, -ENOMEM); /* better gone than silent for ever */
}

void
rpc_peer_resume(struct rpc_peer *p)
{
	if (p->resume != NULL)
		(void)loop_timer_set(p->resume,
				     0); /* else the socket's next event does it */
}

void
rpc_peer_lose(struct rpc_peer *p, int err)
{
	if (p->at_end)
		return;
	p->at_end = true;
	p->err = err;
	rpc_buf_free(&p->unsent);
	rpc_peer_resume(p);
}

void
rpc_peer_reject(struct rpc_peer *p, int err)
{
	rpc_peer_lose(p, err);
	p->deaf = true;
	rpc_buf_free(&p->in);
	kept_drop(p);
	if (p->err == 0)
		p->err = err;
}

void
rpc_peer_flush(struct rpc_peer *p)
{
	int rc;

	if (p->at_end)
		return;
	rc = rpc_buf_send(&p->unsent, p->fd);
	if (rc == 0 || rc == -EAGAIN)
		rc = loop_io_set(p->io, rc == 0 ? LOOP_READ : LOOP_READ | LOOP_WRITE);
	if (rc < 0)
		rpc_peer_lose(p, rc);
}

int
rpc_peer_read(struct rpc_peer *p)
{
	int rc;

	if (p->fd < 0 || p->deaf)
		return 0;
	rc = rpc_buf_recv(&p->in, p->fd);
	if (rc > 0)
		return rc;
	if (rc != -EAGAIN)
		rpc_peer_lose(p, rc);
	return 0;
}

static int
peer_credentials(struct rpc_peer *p)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	p->pid = cred.pid;
	p->uid = cred.uid;
	p->gid = cred.gid;
	return 0;
}

int
rpc_peer_new(struct loop *l, int fd, uint32_t role, const struct rpc_hooks *hooks,
	     struct rpc_peer **ret_peer)
{
	struct rpc_peer *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	assert(fd >= 0 && hooks != NULL);
	if (p == NULL) {
		(void)close(fd); /* taken over, nothing was said on it */
		return rc;
	}
	*p = (struct rpc_peer){ .loop = l, .fd = fd, .role = role, .hooks = hooks };
	p->kept_end = &p->kept;
	rc = peer_credentials(p);
	if (rc < 0)
		goto out;
	/* No O_NONBLOCK: a socket given by --fd may be shared; each call asks for it. */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		rc = -errno;
		goto out;
	}
	rc = -ENOMEM;
	p->out = json_out_new(RPC_HEAD_BYTES_MAX);
	if (p->out == NULL)
		goto out;
	rc = loop_timer_new(l, resume_cb, p, &p->resume);
	if (rc < 0)
		goto out;
	rc = loop_timer_new(l, timeouts_cb, p, &p->timeouts);
	if (rc < 0)
		goto out;
	rc = loop_io_new(l, fd, LOOP_READ, io_cb, p, &p->io);
	if (rc < 0)
		goto out;
	*ret_peer = p;
	p = NULL;
out:
	rpc_peer_free(p);
	return rc;
}

struct rpc_peer *
rpc_peer_free(struct rpc_peer *p)
{
	if (p == NULL || p->freed)
		return NULL;
	p->freed = true;
	peer_end(p, false);
	peer_destroy_if_idle(p);
	return NULL;
}

uint32_t
rpc_peer_role(const struct rpc_peer *p)
{
	return p->role;
}

void
rpc_peer_set_role(struct rpc_peer *p, uint32_t role)
{
	p->role = role;
}

void *
rpc_peer_data(const struct rpc_peer *p)
{
	return p->data;
}

void
rpc_peer_set_data(struct rpc_peer *p, void *data)
{
	p->data = data;
}

void
rpc_peer_cred(const struct rpc_peer *p, pid_t *ret_pid, uid_t *ret_uid, gid_t *ret_gid)
{
	if (ret_pid != NULL)
		*ret_pid = p->pid;
	if (ret_uid != NULL)
		*ret_uid = p->uid;
	if (ret_gid != NULL)
		*ret_gid = p->gid;
}

uint64_t
rpc_peer_ignored(const struct rpc_peer *p)
{
	return p->ignored;
}
