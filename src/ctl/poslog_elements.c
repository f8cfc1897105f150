/* The elements of a POSLog: what their attributes and texts are for. */
#include "ctl/poslog_private.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MILLI_DIGITS 3
#define PERCENT_DIGITS 2 /* of a percentage: basis points */
#define VAT_BP_MAX 10000

/* ---- values --------------------------------------------------------------------------------- */

static struct str
keep(struct poslog *p, struct str text)
{
	const char *copy = arena_strndup(p->arena, text.p, text.n);

	if (copy != NULL)
		return (struct str){ copy, text.n };
	poslog_stop(p, -EBADMSG, "a transaction with more text than one has");
	return (struct str){ "", 0 };
}

static int64_t
number(struct poslog *p, struct str text, uint8_t digits, const char *name)
{
	int64_t value = 0;
	char what[64];

	if (money_parse(text, digits, &value, NULL) < 0) {
		(void)snprintf(what, sizeof(what), "%s is no number", name); /* fits */
		poslog_wrong(p, what, text);
	}
	return value;
}

static int64_t
money(struct poslog *p, struct str text, const char *name)
{
	if (!p->sale.has_currency)
		poslog_wrong(
			p, "an amount before the currency is known; say it by --currency",
			text);
	return number(p, text, p->sale.digits, name);
}

static bool
is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static void
take_text(struct poslog *p, const struct child *c, struct str text)
{
	*(struct str *)(void *)((char *)&p->sale + c->offset) = keep(p, text);
}

static void
take_money(struct poslog *p, const struct child *c, struct str text)
{
	*(int64_t *)(void *)((char *)&p->sale + c->offset) = money(p, text, c->name);
	if (c->offset == offsetof(struct sale, line.unit_minor))
		p->sale.line.has_unit = true;
	else if (c->offset == offsetof(struct sale, actual_minor))
		p->sale.has_actual = true;
	else if (c->offset == offsetof(struct sale, line.amount_minor))
		p->sale.line.has_amount = true;
}

static void
set_currency(struct poslog *p, struct str text)
{
	uint16_t numeric;

	if (str_copy(p->sale.currency, sizeof(p->sale.currency), text) < 0 ||
	    currency_find(p->sale.currency, &numeric, &p->sale.digits) < 0)
		poslog_wrong(p, "no currency of ISO 4217", text);
	else
		p->sale.has_currency = true;
}

static void
take_currency(struct poslog *p, const struct child *c, struct str text)
{
	(void)c;
	set_currency(p, text);
}

static void
take_total(struct poslog *p, const struct child *c, struct str text)
{
	if (!p->wanted_total)
		return;
	p->sale.total_minor = money(p, text, c->name);
	p->sale.has_total = true;
}

/* Levels of a hierarchy stand in the order of the log. */
static void
take_hierarchy(struct poslog *p, const struct child *c, struct str text)
{
	char path[POSLOG_TEXT_MAX * 2 + 2];
	struct str *category = &p->sale.line.category;
	struct strbuf b;

	(void)c;
	strbuf_init(&b, path, sizeof(path));
	strbuf_add(&b, *category);
	if (category->n > 0)
		strbuf_add(&b, STR("/"));
	for (size_t i = 0; i < text.n; i++)
		strbuf_add(&b,
			   text.p[i] == '/' ? STR("_") : (struct str){ text.p + i, 1 });
	if (b.truncated || b.used > POSLOG_TEXT_MAX)
		poslog_wrong(p, "the hierarchy is too long", text);
	else if (text.n > 0)
		*category = keep(p, (struct str){ path, b.used });
}

static void
take_reduction(struct poslog *p, const struct child *c, struct str text)
{
	if (money(p, text, c->name) != 0)
		p->sale.line.reduced = true;
}

static void
take_nothing(struct poslog *p, const struct child *c, struct str text)
{
	(void)c;
	(void)p;
	(void)text; /* what it says stands in the extended amount */
}

static void
take_quantity(struct poslog *p, const struct child *c, struct str text)
{
	p->sale.line.qty_milli = number(p, text, MILLI_DIGITS, c->name);
	p->sale.has_quantity = true;
	if (p->sale.line.qty_milli % 1000 != 0)
		p->sale.line.weighed = true;
}

static uint32_t
rate(struct poslog *p, const struct child *c, struct str text)
{
	int64_t bp = number(p, text, PERCENT_DIGITS, c->name);

	if (bp < 0 || bp > VAT_BP_MAX) {
		poslog_wrong(p, "a tax rate is 0 to 100", text);
		return 0;
	}
	return (uint32_t)bp;
}

static void
take_sale_rate(struct poslog *p, const struct child *c, struct str text)
{
	p->sale.line.vat_bp = rate(p, c, text);
}

static void
take_tax_rate(struct poslog *p, const struct child *c, struct str text)
{
	p->sale.tax_percent_bp = rate(p, c, text);
}

static void
take_reward_kind(struct poslog *p, const struct child *c, struct str text)
{
	(void)c;
	p->sale.reward_money = str_is(text, "Monetary");
}

/* ---- elements with attributes --------------------------------------------------------------- */

/* The value of an attribute by its local name, or "". */
static const char *
attribute(const char *const *attributes, const char *name)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		if (strcmp(poslog_local_name(attributes[i]), name) == 0)
			return attributes[i + 1];
	return "";
}

static void
begin_transaction(struct poslog *p, const char *const *attributes)
{
	struct sale *s = &p->sale;

	arena_reset(p->arena);
	*s = (struct sale){ .digits = 2 };
	s->slip.lines = p->lines;
	s->slip.discounts = p->discounts;
	s->slip.before_discounts = p->options.before_discounts;
	p->faulty = false;
	p->counts.transactions++;
	s->passed_over = is_true(attribute(attributes, "CancelFlag")) ||
			 is_true(attribute(attributes, "TrainingModeFlag"));
	if (p->options.currency[0] != '\0')
		set_currency(p, str_of(p->options.currency));
}

static void
begin_retail(struct poslog *p, const char *const *attributes)
{
	static const char *const no_sale[] = { "Voided",   "PostVoided", "Suspended",
					       "Canceled", "Cancelled",  "Failed" };
	const char *status =
		poslog_local_name(attribute(attributes, "TransactionStatus"));

	if (p->sale.retail)
		poslog_wrong(p, "a second retail transaction in one", STR(""));
	p->sale.retail = true;
	for (size_t i = 0; i < sizeof(no_sale) / sizeof(no_sale[0]); i++)
		if (strcmp(status, no_sale[i]) == 0)
			p->sale.passed_over = true;
}

static void
begin_line(struct poslog *p, const char *const *attributes)
{
	struct sale *s = &p->sale;

	s->line = (struct slip_line){ 0 };
	s->item_id = s->pos_item_id = (struct str){ "", 0 };
	s->line_void = is_true(attribute(attributes, "VoidFlag"));
	s->has_quantity = s->has_actual = false;
	s->line_tax_minor = 0;
	s->line.weighed = is_true(attribute(attributes, "weightItem"));
}

static void
begin_quantity(struct poslog *p, const char *const *attributes)
{
	static const char *const weights[] = { "KGM", "GRM", "LBR", "ONZ",
					       "KG",  "G",   "LB",  "OZ" };
	const char *unit = attribute(attributes, "UnitOfMeasureCode");

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		if (strcmp(unit, weights[i]) == 0)
			p->sale.line.weighed = true;
}

static void
begin_itemizers(struct poslog *p, const char *const *attributes)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2) {
		const char *name = poslog_local_name(attributes[i]);

		if (strncmp(name, "Tax", 3) == 0 && name[3] >= '1' &&
		    name[3] < (char)('0' + SLIP_TAXES_MAX) && name[4] == '\0' &&
		    is_true(attributes[i + 1]))
			p->sale.line.taxes |= 1u << (name[3] - '0');
	}
}

static void
begin_tax(struct poslog *p, const char *const *attributes)
{
	const char *id = attribute(attributes, "TaxID");

	p->sale.tax_amount_minor = p->sale.tax_percent_bp = 0;
	p->sale.tax_number = 0; /* no line says it has it */
	if (id[0] >= '1' && id[0] < (char)('0' + SLIP_TAXES_MAX) && id[1] == '\0')
		p->sale.tax_number = (uint32_t)(id[0] - '0');
	if (is_true(attribute(attributes, "IncludedInPriceFlag")))
		p->sale.tax_number = SLIP_TAXES_MAX; /* nothing on top */
}

static void
begin_reward(struct poslog *p, const char *const *attributes)
{
	p->sale.reward_counts = is_true(attribute(attributes, "detailedData"));
	p->sale.reward_money = false;
	p->sale.reward_minor = 0;
	p->sale.reward_ref = (struct str){ "", 0 };
}

static void
begin_tender(struct poslog *p, const char *const *attributes)
{
	p->sale.tender = (struct past_tender){ .amount_minor = 0 };
	p->sale.tender.kind = keep(p, str_of(attribute(attributes, "TenderType")));
	p->sale.tender_back = strcmp(attribute(attributes, "TypeCode"), "Refund") == 0;
}

static void
begin_total(struct poslog *p, const char *const *attributes)
{
	p->wanted_total = strcmp(poslog_local_name(attribute(attributes, "TotalType")),
				 "TransactionGrandAmount") == 0;
}

static void
begin_modifier(struct poslog *p, const char *const *attributes)
{
	if (!is_true(attribute(attributes, "VoidFlag")))
		p->sale.line.reduced = true;
}

/* ---- elements that are complete --------------------------------------------------------------- */

static struct str
without_zeros(struct str code)
{
	while (code.n > 1 && code.p[0] == '0') {
		code.p++;
		code.n--;
	}
	return code;
}

static int64_t
product(struct poslog *p, int64_t price_minor, int64_t qty_milli)
{
	int64_t amount = 0;

	if (money_muldiv(price_minor, qty_milli, 1000, ROUND_HALF_UP, &amount) < 0 ||
	    amount > MONEY_MINOR_MAX || amount < -MONEY_MINOR_MAX)
		poslog_wrong(p, "a line is worth more than can be", STR(""));
	return amount;
}

static void
end_sale(struct poslog *p, bool returned)
{
	struct sale *s = &p->sale;
	struct slip_line *l = &s->line;

	if (!s->has_quantity)
		l->qty_milli = 1000;
	if (!l->has_amount && !l->has_unit && !s->has_actual)
		poslog_wrong(p, "a line without an amount and without a price",
			     s->item_id);
	if (!l->has_amount)
		l->amount_minor = product(
			p, s->has_actual ? s->actual_minor : l->unit_minor, l->qty_milli);
	if (!l->has_unit)
		l->unit_minor = s->actual_minor;
	if (s->has_actual && s->actual_minor < l->unit_minor)
		l->reduced = true;
	l->code = s->item_id.n > 0 ? s->item_id : s->pos_item_id;
	if (p->options.strip_zeros)
		l->code = without_zeros(l->code);
	l->void_line = s->line_void;
	l->returned = returned;
	if (!p->faulty)
		s->line_taxes_minor +=
			s->line_tax_minor; /* of 4 000 lines: no overflow */
	p->counts.lines++;
	p->counts.voids += l->void_line;
	p->counts.returns += returned;
	if (s->slip.lines_count == SLIP_LINES_MAX)
		poslog_wrong(p, "more lines than a sale has", STR(""));
	else
		s->slip.lines[s->slip.lines_count++] = *l;
}

static void
end_tax(struct poslog *p)
{
	struct sale *s = &p->sale;

	if (s->line_void || s->tax_number == SLIP_TAXES_MAX || p->faulty)
		return;
	s->slip.tax_minor += s->tax_amount_minor;
	s->slip.tax_bp[s->tax_number] = (uint32_t)s->tax_percent_bp;
	if (s->slip.tax_minor > MONEY_MINOR_MAX || s->slip.tax_minor < -MONEY_MINOR_MAX)
		poslog_wrong(p, "more tax than can be", STR(""));
}

static void
end_reward(struct poslog *p)
{
	struct sale *s = &p->sale;

	if (!s->reward_counts || !s->reward_money || s->reward_minor == 0)
		return;
	p->counts.discounts++;
	if (s->slip.discounts_count == SLIP_LINES_MAX)
		poslog_wrong(p, "more discounts than a sale has", STR(""));
	else
		s->slip.discounts[s->slip.discounts_count++] =
			(struct slip_discount){ s->reward_ref, s->reward_minor };
}

static void
end_tender(struct poslog *p)
{
	struct sale *s = &p->sale;

	if (s->line_void)
		return;
	if (s->tender_back && s->tender.amount_minor > 0)
		s->tender.amount_minor = -s->tender.amount_minor;
	if (s->tenders_count == POSLOG_TENDERS_MAX)
		poslog_wrong(p, "more tenders than a sale has", STR(""));
	else
		s->tenders[s->tenders_count++] = s->tender;
}

static int
read_time(struct poslog *p, struct past_basket *b)
{
	struct sale *s = &p->sale;
	struct str text = s->begin.n > 0 ? s->begin
			  : s->end.n > 0 ? s->end
					 : s->receipt_time;
	int zoned = 0;

	if (text.n == 0)
		return 0;
	if (rfc3339_parse(text, &b->at.wall_ms, &zoned) < 0) {
		poslog_wrong(p, "no time", text);
		return -EBADMSG;
	}
	b->has_at = true;
	b->zoned = zoned != 0;
	if (s->day.n == 0)
		return 0;
	int64_t day_ms;

	if (rfc3339_parse(s->day, &day_ms, NULL) < 0) {
		poslog_wrong(p, "no day", s->day);
		return -EBADMSG;
	}
	b->at.business_day = civil_yyyymmdd(day_ms, 0);
	return 0;
}

static struct str
basket_id(struct poslog *p)
{
	const struct sale *s = &p->sale;
	char text[4 * POSLOG_TEXT_MAX + 8];
	struct strbuf b;

	strbuf_init(&b, text, sizeof(text));
	strbuf_add(&b, s->day);
	strbuf_add(&b, STR("/"));
	strbuf_add(&b, s->store);
	strbuf_add(&b, STR("/"));
	strbuf_add(&b, s->lane);
	strbuf_add(&b, STR("/"));
	strbuf_add(&b, s->number);
	return keep(p, (struct str){ text, b.used });
}

static void
hand_over(struct poslog *p)
{
	struct sale *s = &p->sale;
	struct past_basket b = { .id = basket_id(p),
				 .member = { .known = s->member.n > 0 },
				 .member_number = s->member,
				 .number = s->number,
				 .tenders = s->tenders,
				 .tenders_count = s->tenders_count,
				 .has_total = s->has_total,
				 .total_minor = s->total_minor };
	int rc = p->faulty ? -EBADMSG : read_time(p, &b);

	memcpy(b.currency, s->currency, sizeof(b.currency));
	b.basket.store = s->store;
	b.basket.lane = s->lane;
	if (rc == 0)
		rc = slip_basket(&s->slip, p->arena, &b);
	if (rc == -E2BIG)
		poslog_wrong(p, "more lines than a basket may have", b.id);
	/* Taxes told at the lines may be part of the prices or not: the total knows. */
	if (rc == 0 && b.has_total &&
	    past_read_minor(&b) + s->line_taxes_minor == b.total_minor)
		b.tax_minor += s->line_taxes_minor;
	if (rc == -ENOMEM)
		poslog_stop(p, rc, "out of memory");
	else if (p->faulty)
		rc = p->sink.fault(p->sink.ctx, &p->fault);
	else
		rc = p->sink.basket(p->sink.ctx, &b);
	if (rc != 0)
		poslog_stop(p, rc, "given up");
}

static void
end_transaction(struct poslog *p)
{
	if (!p->sale.retail || p->sale.passed_over) {
		p->counts.passed_over++;
		return;
	}
	p->counts.sales++;
	hand_over(p);
}

/* ---- the tree ------------------------------------------------------------------------------- */

#define SALE(member) offsetof(struct sale, member)

static const struct child children[] = {
	{ EL_DOCUMENT, "POSLog", EL_POSLOG, NULL, 0 },
	{ EL_POSLOG, "Transaction", EL_TRANSACTION, NULL, 0 },
	{ EL_TRANSACTION, "RetailStoreID", EL_VALUE, take_text, SALE(store) },
	{ EL_TRANSACTION, "WorkstationID", EL_VALUE, take_text, SALE(lane) },
	{ EL_TRANSACTION, "SequenceNumber", EL_VALUE, take_text, SALE(number) },
	{ EL_TRANSACTION, "BusinessDayDate", EL_VALUE, take_text, SALE(day) },
	{ EL_TRANSACTION, "BeginDateTime", EL_VALUE, take_text, SALE(begin) },
	{ EL_TRANSACTION, "EndDateTime", EL_VALUE, take_text, SALE(end) },
	{ EL_TRANSACTION, "CurrencyCode", EL_VALUE, take_currency, 0 },
	{ EL_TRANSACTION, "RetailTransaction", EL_RETAIL, NULL, 0 },
	{ EL_RETAIL, "ReceiptDateTime", EL_VALUE, take_text, SALE(receipt_time) },
	{ EL_RETAIL, "LineItem", EL_LINE, NULL, 0 },
	{ EL_RETAIL, "Total", EL_VALUE, take_total, 0 },
	{ EL_RETAIL, "LoyaltyAccount", EL_MEMBERSHIP, NULL, 0 },
	{ EL_LINE, "Sale", EL_SALE, NULL, 0 },
	{ EL_LINE, "Return", EL_SALE, NULL, 0 },
	{ EL_LINE, "Tax", EL_TAX, NULL, 0 },
	{ EL_LINE, "LoyaltyReward", EL_REWARD, NULL, 0 },
	{ EL_LINE, "LoyaltyMembership", EL_MEMBERSHIP, NULL, 0 },
	{ EL_LINE, "Tender", EL_TENDER, NULL, 0 },
	{ EL_TENDER, "TenderID", EL_VALUE, take_text, SALE(tender.id) },
	{ EL_TENDER, "Amount", EL_VALUE, take_money, SALE(tender.amount_minor) },
	{ EL_SALE, "ItemID", EL_VALUE, take_text, SALE(item_id) },
	{ EL_SALE, "POSIdentity", EL_POS_IDENTITY, NULL, 0 },
	{ EL_SALE, "MerchandiseHierarchy", EL_VALUE, take_hierarchy, 0 },
	{ EL_SALE, "Brand", EL_VALUE, take_text, SALE(line.brand) },
	{ EL_SALE, "RegularSalesUnitPrice", EL_VALUE, take_money, SALE(line.unit_minor) },
	{ EL_SALE, "ActualSalesUnitPrice", EL_VALUE, take_money, SALE(actual_minor) },
	{ EL_SALE, "ExtendedAmount", EL_VALUE, take_money, SALE(line.amount_minor) },
	{ EL_SALE, "ExtendedDiscountAmount", EL_VALUE, take_reduction, 0 },
	{ EL_SALE, "Quantity", EL_VALUE, take_quantity, 0 },
	{ EL_SALE, "OperatorSequence", EL_VALUE, take_text, SALE(line.ref) },
	{ EL_SALE, "Itemizers", EL_VALUE, take_nothing, 0 },
	{ EL_SALE, "RetailPriceModifier", EL_VALUE, take_nothing, 0 },
	{ EL_SALE, "Tax", EL_SALE_TAX, NULL, 0 },
	{ EL_SALE_TAX, "Percent", EL_VALUE, take_sale_rate, 0 },
	{ EL_SALE_TAX, "Amount", EL_VALUE, take_money, SALE(line_tax_minor) },
	{ EL_POS_IDENTITY, "POSItemID", EL_VALUE, take_text, SALE(pos_item_id) },
	{ EL_TAX, "Amount", EL_VALUE, take_money, SALE(tax_amount_minor) },
	{ EL_TAX, "Percent", EL_VALUE, take_tax_rate, 0 },
	{ EL_REWARD, "RewardCategory", EL_VALUE, take_reward_kind, 0 },
	{ EL_REWARD, "ExtendedRewardAmount", EL_VALUE, take_money, SALE(reward_minor) },
	{ EL_REWARD, "OperatorSequenceReference", EL_VALUE, take_text, SALE(reward_ref) },
	{ EL_MEMBERSHIP, "LoyaltyID", EL_VALUE, take_text, SALE(member) },
	{ EL_MEMBERSHIP, "LoyaltyAccountID", EL_VALUE, take_text, SALE(member) },
};

static const struct beginning {
	const char *name;
	void (*begin)(struct poslog *p, const char *const *attributes);
} beginnings[] = {
	{ "Transaction", begin_transaction },
	{ "RetailTransaction", begin_retail },
	{ "LineItem", begin_line },
	{ "Quantity", begin_quantity },
	{ "Itemizers", begin_itemizers },
	{ "LoyaltyReward", begin_reward },
	{ "Tender", begin_tender },
	{ "Total", begin_total },
	{ "RetailPriceModifier", begin_modifier },
};

const struct child *
poslog_child(enum element parent, const char *name)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (children[i].parent == parent && strcmp(children[i].name, name) == 0)
			return &children[i];
	return NULL;
}

void
poslog_begin(struct poslog *p, const struct child *c, const char *const *attributes)
{
	if (c->element == EL_TAX)
		begin_tax(p, attributes);
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strcmp(beginnings[i].name, c->name) == 0)
			beginnings[i].begin(p, attributes);
	if (c->element == EL_VALUE) {
		p->value = c;
		p->text_bytes = 0;
	}
}

static struct str
trimmed(struct str s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

void
poslog_end(struct poslog *p, enum element e, const char *name)
{
	switch (e) {
	case EL_VALUE:
		p->value->take(p, p->value,
			       trimmed((struct str){ p->text, p->text_bytes }));
		p->value = NULL;
		break;
	case EL_SALE:
		end_sale(p, strcmp(name, "Return") == 0);
		break;
	case EL_TAX:
		end_tax(p);
		break;
	case EL_REWARD:
		end_reward(p);
		break;
	case EL_TENDER:
		end_tender(p);
		break;
	case EL_TRANSACTION:
		end_transaction(p);
		break;
	case EL_OTHER:
	case EL_DOCUMENT:
	case EL_POSLOG:
	case EL_RETAIL:
	case EL_LINE:
	case EL_POS_IDENTITY:
	case EL_SALE_TAX:
	case EL_MEMBERSHIP:
		break;
	}
}
