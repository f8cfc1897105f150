/* What a peer is told: requests, notifications, answers. */
#include "base/rpc_private.h"

#include "base/clock.h"
#include "base/plain/pan.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* poll() waits at most this long at once; only so that an int holds it. */
#define POLL_MS_MAX 60000
#define PAN_BYTES_MAX 40u /* 19 digits and the separators between them */

/* Queues the parts as one line and sends what can be sent. */
static int
send_line(struct rpc_peer *p, const struct str *parts, size_t count)
{
	size_t total = 0;
	int rc;

	if (p->at_end)
		return -EPIPE;
	for (size_t i = 0; i < count; i++)
		total += parts[i].n;
	if (total > RPC_LINE_BYTES_MAX)
		return -EMSGSIZE;
	rc = rpc_buf_add(&p->unsent, parts, count, RPC_OUT_BYTES_MAX);
	if (rc == -ENOBUFS)
		rpc_peer_lose(p, rc); /* it does not read: nothing is gained by waiting */
	if (rc < 0)
		return rc == -ENOBUFS ? -EPIPE : rc;
	rpc_peer_flush(p);
	return p->at_end ? -EPIPE : 0;
}

/* Sends the object under construction in p->out with one more member of ready JSON text. */
static int
send_with(struct rpc_peer *p, const char *member, struct json_out *value)
{
	struct str head, body = STR("{}");
	int rc = json_out_text(p->out, &head);

	if (rc < 0)
		return rc;
	if (value != NULL)
		rc = json_out_text(value, &body);
	if (rc < 0)
		return rc;
	assert(head.n > 2 && head.p[head.n - 1] == '}');
	assert(memchr(body.p, '\n', body.n) == NULL);
	return send_line(p,
			 (struct str[]){ { head.p, head.n - 1 },
					 STR(",\""),
					 str_of(member),
					 STR("\":"),
					 body,
					 STR("}\n") },
			 6);
}

static void
head_open(struct rpc_peer *p)
{
	json_out_reset(p->out);
	json_open_object(p->out, NULL);
	json_cstr(p->out, "jsonrpc", "2.0");
}

static void
head_id(struct rpc_peer *p, const struct rpc_call *call)
{
	if (call == NULL)
		json_null(p->out, "id");
	else if (call->id_is_text)
		json_cstr(p->out, "id", call->id_text);
	else
		json_int(p->out, "id", call->id);
}

/*
 * An error may repeat what was asked for. Digits at the end of a message that was cut are too much
 * of a card number, and not seen as one.
 */
static void
mask_message(char *buf, size_t n)
{
	(void)pan_mask(buf, n); /* how many does not matter */
	if (n < RPC_MESSAGE_BYTES - 1)
		return;
	for (size_t i = n - PAN_BYTES_MAX; i < n; i++)
		if (buf[i] >= '0' && buf[i] <= '9')
			buf[i] = '*';
}

/*
 * text as an error's message: cut to fit, and when that or the sender left no good UTF-8, the odd
 * bytes become '?', so that an error can always be told.
 */
static void
message_copy(char buf[RPC_MESSAGE_BYTES], struct str text)
{
	if (text.n >= RPC_MESSAGE_BYTES)
		text.n = RPC_MESSAGE_BYTES - 1;
	if (text.n > 0)
		memcpy(buf, text.p, text.n);
	buf[text.n] = '\0';
	mask_message(buf, text.n);
	if (str_utf8_ok(str_of(buf)))
		return;
	for (char *c = buf; *c != '\0'; c++)
		if ((unsigned char)*c > 126)
			*c = '?';
}

void
rpc_send_error(struct rpc_peer *p, const struct rpc_call *call, int code,
	       const char *message)
{
	char safe[RPC_MESSAGE_BYTES];
	struct str text;

	if (p->at_end)
		return;
	message_copy(safe, str_of(message));
	head_open(p);
	head_id(p, call);
	json_open_object(p->out, "error");
	json_int(p->out, "code", code);
	json_cstr(p->out, "message", safe);
	json_close(p->out);
	json_close(p->out);
	if (json_out_text(p->out, &text) < 0 ||
	    send_line(p, (struct str[]){ text, STR("\n") }, 2) == -ENOMEM)
		rpc_peer_lose(p, -ENOMEM); /* the other side would wait for nothing */
}

void
rpc_call_free(struct rpc_call *call)
{
	struct rpc_peer *p = call->peer;

	if (p != NULL) {
		if (call->prev != NULL)
			call->prev->next = call->next;
		else
			p->calls = call->next;
		if (call->next != NULL)
			call->next->prev = call->prev;
		p->calls_count--;
	}
	free(call);
}

void
rpc_reply(struct rpc_call *call, struct json_out *result)
{
	struct rpc_peer *p;
	int rc;

	if (call == NULL)
		return;
	p = call->peer;
	if (p != NULL && !p->at_end) {
		head_open(p);
		head_id(p, call);
		json_close(p->out);
		rc = send_with(p, "result", result);
		if (rc < 0 && rc != -EPIPE)
			rpc_send_error(p, call, RPC_INTERNAL,
				       rc == -EMSGSIZE ? "the answer is too long"
						       : "the answer could not be made");
	}
	rpc_call_free(call);
}

void
rpc_fail(struct rpc_call *call, int code, const char *fmt, ...)
{
	char message[RPC_MESSAGE_BYTES];
	va_list ap;

	if (call == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap); /* cutting is fine */
	va_end(ap);
	if (call->peer != NULL)
		rpc_send_error(call->peer, call, code, message);
	rpc_call_free(call);
}

/* Sends a request (id > 0) or a notification (0). */
static int
send_call(struct rpc_peer *p, int64_t id, const char *method, struct json_out *params)
{
	if (p->at_end)
		return -EPIPE;
	head_open(p);
	if (id > 0)
		json_int(p->out, "id", id);
	json_cstr(p->out, "method", method);
	json_close(p->out);
	return send_with(p, "params", params);
}

static int64_t
deadline_of(int64_t timeout_ms)
{
	int64_t now_ms = clock_mono_ms();

	if (timeout_ms <= 0 || timeout_ms > INT64_MAX - now_ms)
		return INT64_MAX;
	return now_ms + timeout_ms;
}

int
rpc_request(struct rpc_peer *p, const char *method, struct json_out *params,
	    int64_t timeout_ms, rpc_done_fn done, void *ctx)
{
	struct rpc_pending *q, **end = &p->pending;
	int rc;

	assert(done != NULL);
	if (p->at_end)
		return -EPIPE;
	if (p->pending_count >= RPC_PENDING_MAX)
		return -EAGAIN;
	q = malloc(sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	*q = (struct rpc_pending){ .id = ++p->id_last,
				   .deadline_ms = deadline_of(timeout_ms),
				   .done = done,
				   .ctx = ctx };
	rc = send_call(p, q->id, method, params);
	if (rc < 0) {
		free(q);
		return rc;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = q;
	p->pending_count++;
	rpc_pending_arm(p);
	return 0;
}

int
rpc_notify(struct rpc_peer *p, const char *method, struct json_out *params)
{
	return send_call(p, 0, method, params);
}

const struct value *
rpc_answer(const struct value *message, struct rpc_error *error)
{
	const struct value *result = value_member(message, "result");
	const struct value *e = value_member(message, "error");
	struct str text = STR("");
	int64_t code = RPC_INTERNAL;

	if (e == NULL || e->kind == VALUE_NULL)
		if (result != NULL)
			return result;
	(void)value_get_int(e, "code", INT32_MIN, INT32_MAX,
			    &code); /* a default stands */
	(void)value_get_str(e, "message", RPC_LINE_BYTES_MAX, &text);
	*error = (struct rpc_error){ .code = (int)code };
	message_copy(error->message, text);
	return NULL;
}

static int
keep(struct rpc_peer *p, struct str line)
{
	struct rpc_kept *k;

	if (line.n > RPC_KEPT_BYTES_MAX - p->kept_bytes)
		return -ENOBUFS;
	k = malloc(sizeof(*k) + line.n);
	if (k == NULL)
		return -ENOMEM;
	k->next = NULL;
	k->n = line.n;
	if (line.n > 0)
		memcpy(k->text, line.p, line.n);
	*p->kept_end = k;
	p->kept_end = &k->next;
	p->kept_bytes += line.n;
	return 0;
}

/*
 * True when line is the answer to id, or an error that belongs to no request: the peer's last word
 * before it closes ("this user may not connect here").
 */
static bool
is_answer(struct arena *scratch, struct str line, int64_t id)
{
	const struct value *message = NULL;
	bool yes = false;

	if (json_parse(scratch, line, 0, &message, NULL) == 0) {
		const struct value *got = value_member(message, "id");

		if (value_member(message, "method") == NULL && got != NULL)
			yes = (got->kind == VALUE_INT && got->i == id) ||
			      (got->kind == VALUE_NULL &&
			       value_member(message, "error") != NULL);
	}
	arena_reset(scratch);
	return yes;
}

/* Looks through the lines that are there. 1 *ret_line is the answer; 0 not yet; an errno. */
static int
take_lines(struct rpc_peer *p, struct arena *scratch, int64_t id, struct str *ret_line)
{
	int rc;

	while ((rc = rpc_buf_line(&p->in, ret_line)) > 0) {
		if (is_answer(scratch, *ret_line, id))
			return 1;
		rc = keep(p, *ret_line);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		rpc_peer_reject(p, rc);
	return rc;
}

/* Waits until something can be read or sent and does it. 0; -ETIMEDOUT; -EPIPE; an errno. */
static int
wait_once(struct rpc_peer *p, int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	int64_t left_ms = deadline_ms - clock_mono_ms();
	int n;

	if (p->at_end)
		return -EPIPE;
	if (left_ms <= 0)
		return -ETIMEDOUT;
	if (rpc_buf_used(&p->unsent) > 0)
		pfd.events |= POLLOUT;
	n = poll(&pfd, 1, left_ms < POLL_MS_MAX ? (int)left_ms : POLL_MS_MAX);
	if (n < 0 && errno != EINTR)
		return -errno;
	if (n <= 0)
		return 0;
	if (pfd.revents & POLLOUT)
		rpc_peer_flush(p);
	if (pfd.revents & ~POLLOUT)
		(void)rpc_peer_read(p); /* its end is seen by the next round */
	return 0;
}

static int
result_of(struct arena *arena, struct str line, const struct value **ret_result,
	  struct rpc_error *error)
{
	const struct value *message, *result;
	struct rpc_error local;
	int rc = json_parse(arena, line, 0, &message, NULL);

	if (rc < 0)
		return rc;
	result = rpc_answer(message, error != NULL ? error : &local);
	if (result == NULL)
		return -EREMOTEIO;
	*ret_result = result;
	return 0;
}

int
rpc_request_wait(struct rpc_peer *p, const struct rpc_ask *ask, struct arena *arena,
		 const struct value **ret_result, struct rpc_error *error)
{
	int64_t deadline_ms = deadline_of(ask->timeout_ms), id = ++p->id_last;
	struct arena *scratch = arena_new(RPC_ARENA_BYTES_MAX);
	struct str line = { NULL, 0 };
	int rc = -ENOMEM;

	if (scratch == NULL)
		return rc;
	rc = send_call(p, id, ask->method, ask->params);
	while (rc == 0) {
		rc = take_lines(p, scratch, id, &line);
		if (rc == 0)
			rc = wait_once(p, deadline_ms);
	}
	/* A peer that refused us may have said why before it closed. */
	if (rc == -EPIPE && rpc_peer_read(p) > 0 &&
	    take_lines(p, scratch, id, &line) == 1)
		rc = 1;
	if (rc == 1)
		rc = result_of(arena, line, ret_result, error);
	if (p->kept != NULL || p->at_end || rpc_buf_used(&p->in) > 0)
		rpc_peer_resume(p);
	arena_free(scratch);
	return rc == -EMSGSIZE && p->at_end ? -EPIPE : rc;
}
