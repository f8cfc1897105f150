/* Reads POSLog by expat: the tree, its limits, and where in the text it is. */
#include "ctl/poslog_private.h"

#include <assert.h>
#include <errno.h>
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (16u << 20)
/* Fed to expat at once, so that the size of a token can be watched. */
#define PIECE_BYTES 65536u

/* ---- faults ------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void
fault_here(const struct poslog *p, struct past_fault *f, const char *fmt, ...)
{
	va_list ap;

	f->line = (uint32_t)XML_GetCurrentLineNumber(p->xml);
	f->column = (uint32_t)XML_GetCurrentColumnNumber(p->xml) + 1;
	va_start(ap, fmt);
	(void)vsnprintf(f->what, sizeof(f->what), fmt, ap); /* cut is fine */
	va_end(ap);
}

/* The first thing wrong in a transaction leaves it out. */
void
poslog_wrong(struct poslog *p, const char *what, struct str text)
{
	if (p->faulty)
		return;
	p->faulty = true;
	fault_here(p, &p->fault, "%s: \"%.*s\"", what, (int)(text.n < 60 ? text.n : 60),
		   text.p);
}

/* Ends the reading. */
void
poslog_stop(struct poslog *p, int rc, const char *what)
{
	if (p->rc != 0)
		return;
	p->rc = rc;
	fault_here(p, &p->end_fault, "%s", what);
	(void)XML_StopParser(p->xml, XML_FALSE); /* fails only when it has stopped */
}

const char *
poslog_local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon == NULL ? name : colon + 1;
}

/* ---- the tree ------------------------------------------------------------------------------- */

static void XMLCALL
on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct poslog *p = ctx;
	enum element parent = p->stack[p->depth];
	const struct child *c;

	if (p->rc != 0)
		return;
	if (p->depth + p->other_depth == POSLOG_DEPTH_MAX) {
		poslog_stop(p, -EBADMSG, "nested too deeply");
		return;
	}
	if (p->other_depth > 0) {
		p->other_depth++;
		return;
	}
	c = poslog_child(parent, poslog_local_name(name));
	if (c != NULL) {
		p->stack[++p->depth] = c->element;
		poslog_begin(p, c, (const char *const *)(const void *)attributes);
	} else if (parent == EL_DOCUMENT) {
		poslog_stop(p, -EBADMSG,
			    "this is no POSLog: its first element has another name");
	} else {
		p->other_depth++;
	}
}

static void XMLCALL
on_end(void *ctx, const XML_Char *name)
{
	struct poslog *p = ctx;

	if (p->rc != 0)
		return;
	if (p->other_depth > 0) {
		p->other_depth--;
		return;
	}
	assert(p->depth > 0); /* expat pairs them */
	poslog_end(p, p->stack[p->depth], poslog_local_name(name));
	p->depth--;
}

static void XMLCALL
on_text(void *ctx, const XML_Char *text, int bytes)
{
	struct poslog *p = ctx;
	size_t n = (size_t)bytes;

	if (p->rc != 0 || p->value == NULL || p->other_depth > 0)
		return;
	if (n > sizeof(p->text) - p->text_bytes) {
		poslog_wrong(p, "a value is too long",
			     (struct str){ p->text, p->text_bytes });
		return;
	}
	memcpy(p->text + p->text_bytes, text, n);
	p->text_bytes += n;
}

static void XMLCALL
on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
	   const XML_Char *public_id, int subset)
{
	(void)name;
	(void)system;
	(void)public_id;
	(void)subset;
	poslog_stop(ctx, -EBADMSG, "a document type is refused: a POSLog needs none");
}

/* ---- feeding ---------------------------------------------------------------------------------- */

struct poslog *
poslog_new(const struct poslog_options *o, const struct past_sink *sink)
{
	struct poslog *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->options = *o;
	p->sink = *sink;
	p->stack[0] = EL_DOCUMENT;
	p->xml = XML_ParserCreate(NULL);
	p->arena = arena_new(ARENA_BYTES);
	p->lines = calloc(SLIP_LINES_MAX, sizeof(*p->lines));
	p->discounts = calloc(SLIP_LINES_MAX, sizeof(*p->discounts));
	if (p->xml == NULL || p->arena == NULL || p->lines == NULL ||
	    p->discounts == NULL)
		return poslog_free(p);
	XML_SetUserData(p->xml, p);
	XML_SetElementHandler(p->xml, on_start, on_end);
	XML_SetCharacterDataHandler(p->xml, on_text);
	/* With it entities go; expat's own limit on their amplification stays behind. */
	XML_SetStartDoctypeDeclHandler(p->xml, on_doctype);
	(void)XML_SetParamEntityParsing(p->xml, XML_PARAM_ENTITY_PARSING_NEVER);
	return p;
}

static int
feed_piece(struct poslog *p, struct str piece, bool last)
{
	enum XML_Status status = XML_Parse(p->xml, piece.p, (int)piece.n, last);
	enum XML_Error error = XML_GetErrorCode(p->xml);
	XML_Index at;

	p->fed += piece.n;
	if (p->rc != 0)
		return p->rc;
	if (status != XML_STATUS_OK) {
		p->rc = error == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG;
		fault_here(p, &p->end_fault, "%s", XML_ErrorString(error));
		return p->rc;
	}
	at = XML_GetCurrentByteIndex(p->xml);
	if (!last && at >= 0 && p->fed - (uint64_t)at > POSLOG_TOKEN_BYTES_MAX) {
		p->rc = -EBADMSG;
		fault_here(p, &p->end_fault, "a tag or text of more than %u bytes",
			   POSLOG_TOKEN_BYTES_MAX);
	}
	return p->rc;
}

int
poslog_feed(struct poslog *p, struct str bytes, bool last, struct past_fault *ret_fault)
{
	int rc = p->rc;

	do {
		struct str piece = { bytes.p == NULL ? "" : bytes.p,
				     bytes.n < PIECE_BYTES ? bytes.n : PIECE_BYTES };

		bytes.n -= piece.n;
		bytes.p = bytes.n == 0 ? NULL : bytes.p + piece.n;
		if (rc == 0)
			rc = feed_piece(p, piece, last && bytes.n == 0);
	} while (rc == 0 && bytes.n > 0);
	if (rc == -EBADMSG)
		*ret_fault = p->end_fault;
	return rc;
}

const struct poslog_counts *
poslog_counts(const struct poslog *p)
{
	return &p->counts;
}

struct poslog *
poslog_free(struct poslog *p)
{
	if (p != NULL) {
		if (p->xml != NULL)
			XML_ParserFree(p->xml);
		arena_free(p->arena);
		free(p->lines);
		free(p->discounts);
	}
	free(p);
	return NULL;
}
