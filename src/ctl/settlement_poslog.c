/* The tenders of a POSLog, to be reconciled by the number of the sale. */
#include "ctl/poslog.h"
#include "ctl/settlement.h"

#include "base/plain/pan.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define ARENA_BYTES_MAX (512u << 20)

struct reading {
	const struct settlement_options *o;
	struct settlement *s;
};

static bool
is_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool
is_ours(const struct settlement_options *o, const struct past_tender *t)
{
	return is_word(t->kind, o->tender) || is_word(t->id, o->tender);
}

static bool
is_wanted(const struct settlement_options *o, const struct past_basket *b)
{
	if (o->workstation != NULL && !str_is(b->basket.lane, o->workstation))
		return false;
	return b->at.business_day == 0 ||
	       (b->at.business_day >= o->from_day && b->at.business_day <= o->to_day);
}

static int
take_tender(struct reading *r, const struct past_basket *b, const struct past_tender *t)
{
	struct reconcile_theirs *row;
	char *ticket, *currency;
	int rc = settlement_grow(r->s);

	if (rc < 0)
		return rc;
	ticket = arena_strndup(r->s->arena, b->number.p, b->number.n);
	currency = arena_strndup(r->s->arena, b->currency, strlen(b->currency));
	if (ticket == NULL || currency == NULL)
		return -ENOMEM;
	(void)pan_mask(ticket, b->number.n); /* how many does not matter */
	row = &r->s->rows[r->s->count++];
	memset(row, 0, sizeof(*row));
	row->ticket = (struct str){ ticket, b->number.n };
	row->currency = str_of(currency);
	row->amount_minor = t->amount_minor;
	row->line = r->s->count;
	return 0;
}

static int
on_basket(void *ctx, const struct past_basket *b)
{
	struct reading *r = ctx;
	int rc = 0;

	for (uint32_t i = 0; i < b->tenders_count && rc == 0; i++) {
		if (is_wanted(r->o, b) && is_ours(r->o, &b->tenders[i]))
			rc = take_tender(r, b, &b->tenders[i]);
		else
			r->s->passed_over++;
	}
	return rc;
}

static int
on_fault(void *ctx, const struct past_fault *f)
{
	struct reading *r = ctx;

	settlement_fault(r->s, f->line, f->what, STR(""));
	return 0; /* the others are read all the same, for their faults */
}

int
settlement_read_poslog(struct str text, const struct settlement_options *o,
		       struct settlement *ret_settlement)
{
	struct reading r = { o, ret_settlement };
	struct past_sink sink = { on_basket, on_fault, &r };
	struct poslog_options options = { .strip_zeros = false };
	struct past_fault end = { 0, 0, "" };
	struct poslog *log;
	int rc;

	memset(ret_settlement, 0, sizeof(*ret_settlement));
	if (str_copy(options.currency, sizeof(options.currency), str_of(o->currency)) < 0)
		options.currency[0] = '\0'; /* then the log must tell */
	if (o->tender[0] == '\0') {
		settlement_fault(ret_settlement, 1,
				 "a POSLog: --tender says which of its tenders is ours",
				 STR(""));
		return -EBADMSG;
	}
	ret_settlement->arena = arena_new(ARENA_BYTES_MAX);
	log = poslog_new(&options, &sink);
	rc = ret_settlement->arena == NULL || log == NULL
		     ? -ENOMEM
		     : poslog_feed(log, text, true, &end);
	if (rc == -EBADMSG)
		settlement_fault(ret_settlement, end.line, end.what, STR(""));
	(void)poslog_free(log); /* gives NULL */
	return rc == 0 && ret_settlement->faults_total > 0 ? -EBADMSG : rc;
}
