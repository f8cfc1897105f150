#ifndef LANED_ADAPTER_H
#define LANED_ADAPTER_H

/*
 * The plug-in ABI of laned, major 0. One shared object is one adapter: it speaks one protocol of a
 * point of sale or of a payment peer. docs/adapters.md is the guide.
 *
 * Rules:
 * - The only exported symbol is laned_adapter_v0. It returns a constant table.
 * - Structs begin with their size as the maker knew it and only ever grow at the end: read a member
 *   behind the first version only when size says that it is there. Unknown values of an enum are
 *   tolerated. Integers in structs are used in place of enums, so that no compiler sizes them.
 * - Strings are UTF-8 with a length and not NUL-terminated, unless they are const char *. What is
 *   pointed to is valid during the call only. Money is in integer minor units.
 * - A plug-in makes no system call of its own and has no writable static data: everything goes
 *   through the host's table, memory too. The process is the boundary, not this header.
 * - Everything runs on one thread. No function of a plug-in may block or loop for long: the host
 *   is watched and killed when it does not come back.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANED_ABI_MAJOR 0u
#define LANED_ABI_MINOR 4u
#define LANED_ADAPTER_SYMBOL "laned_adapter_v0"

#define LANED_BLOB_BYTES_MAX 4096u    /* of one payment's own ids */
#define LANED_FILE_BYTES_MAX 1048576u /* dir_read, dir_put */
#define LANED_NAME_BYTES_MAX 128u     /* of a file in a folder */
#define LANED_LIST_NAMES_MAX 65536u   /* told by one dir_list */
#define LANED_TYPE_BYTES_MAX 256u     /* of one text */
#define LANED_CONN_BYTES_MAX 1048576u /* unsent, of one connection */

/*
 * The endpoints that the host owns and an adapter that poses as a terminal uses, by these names: the
 * keys "pos" and "terminal" of its section. So the host can join them without the adapter.
 */
#define LANED_ENDPOINT_POS "pos"           /* conn_listen: where the POS connects */
#define LANED_ENDPOINT_TERMINAL "terminal" /* conn_open: the real terminal */

struct laned_str {
	const char *p;
	size_t n;
};

/* The idempotency key of one tender attempt, equal over all retries and restarts. */
struct laned_key {
	uint8_t b[16];
};

/* What functions of either side return: 0 or one of these. */
enum laned_status {
	LANED_OK = 0,
	LANED_UNSUPPORTED = -1, /* this version or this adapter does not do that */
	LANED_NOT_DURABLE = -2, /* nothing may leave: laned did not commit in time */
	LANED_MISSING = -3,     /* no such file, option, payment */
	LANED_INVALID = -4,     /* the argument or the content is wrong */
	LANED_REFUSED = -5,     /* understood, and not wanted now */
	LANED_GONE = -6,  /* laned or the peer is not there; try when the link is up */
	LANED_AGAIN = -7, /* a limit is reached or no answer came in time; try later */
	LANED_TOO_LARGE = -8,
	LANED_NO_MEMORY = -9,
	LANED_IO = -10,  /* the operating system refused; the host's log says why */
	LANED_PAN = -11, /* a payment card number was found; the content is refused */
	LANED_INTERNAL = -12
};

/*
 * What became of a request. The three groups are the heart of this ABI: yes, certainly no, and not
 * certain. After the first byte of a payment may have left, a crash, a timeout, a protocol error or
 * a double answer is LANED_OUT_UNKNOWN, never LANED_OUT_DECLINED.
 */
enum laned_outcome {
	/* yes */
	LANED_OUT_APPROVED = 1, /* with the amount; without it laned takes it back */
	LANED_OUT_PARTIAL = 2,  /* amount tells how much; so here */
	LANED_OUT_CONFIRMED = 3,
	LANED_OUT_UNDONE = 4,
	LANED_OUT_DONE = 5, /* an offer was handed over */
	/* certainly no */
	LANED_OUT_DECLINED = 20,
	LANED_OUT_CANCELLED = 21,
	LANED_OUT_NOT_SENT =
		22, /* nothing left this process; of a recovered entry: the question */
	LANED_OUT_NOT_FOUND =
		23, /* the peer never heard of this key and never will act on it */
	LANED_OUT_PASS =
		24, /* of LANED_REQ_ANSWER only: laned does not pay; the real terminal may */
	/* not certain */
	LANED_OUT_UNKNOWN = 40,
	LANED_OUT_IN_PROGRESS = 41
};

/* What an adapter can do. */
#define LANED_CAP_BASKET_LIVE (UINT64_C(1) << 0)      /* lines while scanning */
#define LANED_CAP_BASKET_AT_TENDER (UINT64_C(1) << 1) /* lines with the payment request */
#define LANED_CAP_TOTAL (UINT64_C(1) << 2)            /* at least the total */
#define LANED_CAP_MEMBER_OUT (UINT64_C(1) << 3)       /* hands the member number over */
#define LANED_CAP_COUPON_OUT (UINT64_C(1) << 4)
#define LANED_CAP_DISCOUNT_LINES (UINT64_C(1) << 5)
#define LANED_CAP_DISCOUNT_AMOUNT (UINT64_C(1) << 6)
#define LANED_CAP_PAY (UINT64_C(1) << 7) /* charges a token */
#define LANED_CAP_PARTIAL                                                                \
	(UINT64_C(1) << 8) /* and may approve less; its POS takes a part */
#define LANED_CAP_QUERY (UINT64_C(1) << 9)
#define LANED_CAP_CONFIRM (UINT64_C(1) << 10) /* two phases: confirm or undo */
#define LANED_CAP_UNDO (UINT64_C(1) << 11)
#define LANED_CAP_REFUND (UINT64_C(1) << 12)
#define LANED_CAP_TERMINAL (UINT64_C(1) << 13) /* the POS asks us for money */
#define LANED_CAP_PASS_THROUGH (UINT64_C(1) << 14)
#define LANED_CAP_CLAIM (UINT64_C(1) << 15) /* the POS names the member */
#define LANED_CAP_TRAINING (UINT64_C(1) << 16)
#define LANED_CAP_PRINT (UINT64_C(1) << 17)
#define LANED_CAP_DISPLAY (UINT64_C(1) << 18)
#define LANED_CAP_RECEIPT (UINT64_C(1) << 19) /* hands codes of receipts over */

/* ---- requests: laned to adapter ---------------------------------------------------------- */

enum laned_request_type {
	LANED_REQ_OFFER = 1,   /* ticket, rev, member_no, discounts, total, saving */
	LANED_REQ_PAY = 2,     /* key, ticket, rev, amount, currency, token, timeout_ms */
	LANED_REQ_QUERY = 3,   /* key, ticket, ref, blob; so the next two */
	LANED_REQ_CONFIRM = 4, /* and receipts, since minor 2 */
	LANED_REQ_UNDO = 5,
	/* ticket, rev, receipts; since minor 2, with LANED_CAP_RECEIPT */
	LANED_REQ_RECEIPT = 6,
	/*
	 * Since minor 3, with LANED_CAP_TERMINAL: the answer to a tender that the POS asked for by
	 * LANED_EV_TENDER_WANTED; key, ticket, rev, outcome, amount, currency, auth, ref, text, blob
	 * (of that event, or of the last LANED_J_ANSWER_SENDING). An approval is journalled as
	 * LANED_J_ANSWER_SENDING before the POS gets it, and completed as CONFIRMED (the POS has
	 * taken it), CANCELLED (certainly not, and no answer under this key ever left: laned takes
	 * the money back) or UNKNOWN (kept for the POS's repeat); DECLINED, CANCELLED and PASS need
	 * no journal and are completed as DONE. submit may be refused: then an approval is kept a
	 * while for LANED_EV_REPEAT_WANTED. An answer under a key that was never given out (laned was
	 * late) is completed as CANCELLED or DONE.
	 */
	LANED_REQ_ANSWER = 7,
	/*
	 * Since minor 3, with LANED_CAP_REFUND: money back under a key of its own; key, original (the
	 * key of the payment; all zero: another lane's, known by ref only), ref (of the payment),
	 * ticket (of the return), amount, currency, timeout_ms. As LANED_REQ_PAY: journalled as
	 * LANED_J_SENDING before it leaves, completed as APPROVED (the money is back, amount tells
	 * how much), a certain no, or UNKNOWN; then asked about by LANED_REQ_QUERY under its own
	 * key. There is no confirm, and no undo.
	 */
	LANED_REQ_REFUND = 8
};

struct laned_discount {
	uint32_t size;
	uint32_t line;  /* of the basket; 0 = the whole ticket */
	int64_t amount; /* to take off, > 0 */
	struct laned_str text;
};

struct laned_request {
	uint32_t size;
	uint32_t type;
	uint64_t req; /* names this request in complete() and journal() */
	struct laned_key key;
	struct laned_str ticket;
	int64_t rev; /* of the basket that was priced */
	int64_t amount;
	struct laned_str currency; /* three letters */
	struct laned_str token;    /* the processor's; never a card number */
	uint32_t timeout_ms;
	uint32_t discounts_count;
	const struct laned_discount *discounts;
	struct laned_str member_no;
	int64_t total, saving;
	struct laned_str ref;
	struct laned_str blob; /* bytes, as the adapter journalled them */
	/*
	 * Since minor 2. CONFIRM of a checkout that is paid, RECEIPT of one that the POS closed with
	 * its own tenders: the codes to print on its receipt, from which any lane takes goods back;
	 * mostly one. 0: none.
	 */
	const struct laned_str *receipts;
	uint32_t receipts_count, reserved;
	/* Since minor 3. */
	struct laned_key original;
	struct laned_str auth, text;
	uint32_t outcome, reserved2; /* enum laned_outcome, of LANED_REQ_ANSWER */
};

enum laned_result_flags {
	/* The answer belongs to a request that had its completion, or to none known. */
	LANED_RESULT_LATE = 1
};

/* The one completion of an accepted request. A missing string is {NULL, 0}. */
struct laned_result {
	uint32_t size;
	uint32_t outcome;
	uint64_t req; /* 0 only with LANED_RESULT_LATE */
	struct laned_key key;
	int64_t amount; /* < 0: not told */
	struct laned_str currency;
	struct laned_str auth;
	struct laned_str ref;
	struct laned_str code, text;
	uint32_t flags, reserved;
};

/* ---- events: point of sale to laned ------------------------------------------------------ */

enum laned_event_type {
	LANED_EV_LINK_UP = 1,
	LANED_EV_LINK_DOWN = 2,
	/*
	 * The POS asks for money: amount; ticket, currency, ref, blob, rev where the protocol has
	 * them. Synchronous: LANED_OK: laned will answer by LANED_REQ_ANSWER under the key, which is
	 * durable; LANED_REFUSED: no member pays here, pass it through now; LANED_NOT_DURABLE: as
	 * that. The same ref, ticket and amount again has the same key while the payment is open.
	 */
	LANED_EV_TENDER_WANTED = 3,
	/*
	 * What the POS says of a tender later. Synchronous, too: LANED_OK: laned has it, durably, and
	 * only now may the POS be told so. LANED_MISSING: no such tender of this adapter.
	 * LANED_REFUSED: laned will not take that back (the goods were returned): ask at the lane.
	 * LANED_GONE, LANED_AGAIN: certainly not taken in. LANED_NOT_DURABLE: not certain; the POS is
	 * told neither yes nor no, and repeats it, or the adapter does. To repeat is harmless.
	 */
	LANED_EV_TENDER_ABORT = 4, /* the POS wants it stopped; the answer still comes */
	LANED_EV_TENDER_CONFIRMED = 5, /* the POS has taken the answer for good */
	LANED_EV_TENDER_UNDO =
		6, /* the POS could not use it: laned takes the money back */
	/*
	 * The POS asks for the last answer of this key (zero: of this ref) again, of ended payments
	 * too; and after link(up) for every tender that it still waits for. LANED_OK: the answer
	 * comes as a LANED_REQ_ANSWER. LANED_MISSING: laned never heard of it and no answer comes:
	 * it is the terminal's, if it is anybody's. Else laned cannot say now: the POS asks later.
	 */
	LANED_EV_REPEAT_WANTED = 7,
	LANED_EV_NOTE = 8
};

struct laned_event {
	uint32_t size;
	uint32_t type;
	struct laned_key key; /* all zero: none; filled in by LANED_EV_TENDER_WANTED */
	struct laned_str ticket;
	int64_t amount; /* < 0: not told */
	struct laned_str ref, text;
	/* Since minor 3. TENDER_WANTED: three letters, and the protocol's own ids (bytes). */
	struct laned_str currency, blob;
	int64_t rev; /* of the basket that the POS wants paid; 0 not told */
};

enum laned_line_flags {
	LANED_LINE_VOID = 1,
	LANED_LINE_WEIGHED = 2,
	LANED_LINE_EXCLUDED = 4, /* no offer may touch it: tobacco, books, gift cards */
	LANED_LINE_REDUCED = 8   /* the point of sale has reduced it already */
};

struct laned_line {
	uint32_t size;
	uint32_t flags;
	int64_t line; /* its number on the ticket, from 1 */
	struct laned_str gtin, plu, text, category, brand;
	int64_t qty_milli, unit_price, amount;
	int32_t vat_bp; /* < 0: not told */
	uint32_t floor; /* minor units: the line is never sold below; 0 none */
};

enum laned_basket_flags {
	LANED_BASKET_FINAL = 1,  /* the total was pressed */
	LANED_BASKET_CLOSED = 2, /* the POS ended the ticket with its own tenders */
	LANED_BASKET_TRAINING = 4
};

/* The whole basket; a higher revision replaces a lower one. */
struct laned_basket {
	uint32_t size;
	uint32_t flags;
	struct laned_str ticket;
	int64_t rev;
	struct laned_str currency;
	const struct laned_line *lines;
	uint32_t lines_count, reserved;
	/*
	 * Since minor 3. The POS's own local date, "2026-11-22", or date and time, "2026-11-22T10:20"
	 * with or without seconds; empty: not told. By it offers are dated while the lane's clock is
	 * doubted.
	 */
	struct laned_str date;
};

enum laned_claim_kind {
	LANED_CLAIM_CARD = 1,
	LANED_CLAIM_PHONE = 2,
	LANED_CLAIM_DIGITS = 3,
	LANED_CLAIM_QR = 4
};

/* ---- the journal ------------------------------------------------------------------------- */

enum laned_journal_state {
	LANED_J_SENDING = 1, /* set by journal() before the first byte of a payment */
	LANED_J_ANSWER_SENDING = 2, /* set by journal() before the POS gets our answer */
	LANED_J_UNKNOWN = 3,
	LANED_J_APPROVED = 4,
	LANED_J_UNDO_QUEUED = 5,
	LANED_J_RESOLVED = 6 /* from journal_find only */
};

/* A payment as laned's journal knows it. */
struct laned_entry {
	uint32_t size;
	uint32_t state;
	uint64_t req; /* to be completed; 0 from journal_find */
	struct laned_key key;
	struct laned_str ticket;
	int64_t amount;
	struct laned_str currency, ref, blob;
	/* Since minor 3. */
	uint32_t flags, reserved; /* enum laned_entry_flags */
};

enum laned_entry_flags {
	LANED_ENTRY_REFUND = 1 /* money back, by LANED_REQ_REFUND; else a payment */
};

/* A file that was read. */
struct laned_file {
	uint32_t size, reserved;
	char *data; /* bytes, and a NUL behind them */
	size_t bytes;
	uint64_t version; /* changes with the file; never 0 */
};

/* ---- callbacks --------------------------------------------------------------------------- */

typedef void (*laned_timer_fn)(void *user);
/*
 * The end of something handed to laned. LANED_OK: it is stored there; LANED_INVALID, LANED_REFUSED:
 * laned will never take it; LANED_AGAIN, LANED_GONE: hand it over again later.
 */
typedef void (*laned_ack_fn)(void *user, int status);
typedef void (*laned_dir_fn)(void *user);
typedef void (*laned_name_fn)(void *user, struct laned_str name, uint64_t bytes);
/* How many characters reached the other side; foreign != 0: somebody typed meanwhile. */
typedef void (*laned_typed_fn)(void *user, int status, uint32_t typed, uint32_t foreign);

struct laned_conn_events {
	uint32_t size, reserved;
	void (*opened)(void *user, uint64_t conn);
	void (*data)(void *user, uint64_t conn, const uint8_t *data, size_t n);
	void (*drained)(void *user, uint64_t conn);
	void (*modem)(void *user, uint64_t conn, uint32_t lines); /* or a break */
	void (*closed)(void *user, uint64_t conn, int status);
	/*
	 * Since minor 4. The peer sends no more, and may still take an answer: conn_send goes on as
	 * before, and the connection is the adapter's to close. NULL: closed comes instead.
	 */
	void (*ended)(void *user, uint64_t conn);
};

enum laned_modem_lines {
	LANED_MODEM_DTR = 1,
	LANED_MODEM_RTS = 2,
	LANED_MODEM_CTS = 4,
	LANED_MODEM_DSR = 8,
	LANED_MODEM_DCD = 16,
	LANED_MODEM_BREAK = 32
};

enum laned_log_level {
	LANED_LOG_ERR = 3, /* as syslog counts */
	LANED_LOG_WARNING = 4,
	LANED_LOG_NOTICE = 5,
	LANED_LOG_INFO = 6,
	LANED_LOG_DEBUG = 7
};

/* What tunnel() ties together; both are open. */
struct laned_tunnel {
	uint32_t size, reserved;
	uint64_t a, b;
	const uint8_t *first; /* goes out to b before anything else; n bytes, may be 0 */
	size_t n;
	laned_ack_fn done;
	void *user;
};

struct laned_host; /* the host's side of one instance */

/*
 * Everything an adapter may use.
 */
struct laned_host_api {
	uint32_t size, abi_major, abi_minor, reserved;

	/* One line to the host's log; card numbers are masked. Never members or tokens. */
	void (*log)(struct laned_host *h, uint32_t level, struct laned_str text);
	/* Monotonic for durations, wall (UTC, Unix epoch) for records; virtual in simulation. */
	int64_t (*mono_ms)(struct laned_host *h);
	int64_t (*wall_ms)(struct laned_host *h);
	int (*random)(struct laned_host *h, void *buf, size_t n);

	/* Zeroed memory, or NULL at the host's limit; free zeroes it and takes NULL. */
	void *(*alloc)(struct laned_host *h, size_t bytes);
	void (*free)(struct laned_host *h, void *p);

	/* One shot. Timer 0 is none: cancelling it, or one that went off, does nothing. */
	int (*timer_set)(struct laned_host *h, uint32_t delay_ms, laned_timer_fn fn,
			 void *user, uint64_t *ret_timer);
	void (*timer_cancel)(struct laned_host *h, uint64_t timer);

	/* The configured value of an option of the adapter's table, or its default. */
	int (*option_str)(struct laned_host *h, const char *name,
			  struct laned_str *ret_value);
	int (*option_int)(struct laned_host *h, const char *name, int64_t *ret_value);
	/* The secret that a LANED_OPT_SECRET names. *n: room, then bytes, also when TOO_LARGE. */
	int (*secret)(struct laned_host *h, const char *option, uint8_t *buf, size_t *n);

	/* LANED_PAN when text holds a payment card number, else LANED_OK. */
	int (*guard)(struct laned_host *h, struct laned_str text);

	/*
	 * Folders, by the name of a LANED_OPT_DIR option. A name is 1..LANED_NAME_BYTES_MAX bytes
	 * without '/', NUL and a leading '.'; it is matched exactly first and then without
	 * regard to ASCII case. Symbolic links are never followed; only regular files count.
	 *
	 * dir_watch: fn is called from the loop some time after a file came; several may be one
	 * call. poll_ms > 0 (at least 2000) also calls it that often, for shares that tell nothing.
	 * dir_list tells names in no order. dir_read: the data is freed by the caller with free;
	 * TOO_LARGE (version is told) over LANED_FILE_BYTES_MAX. dir_put is atomic and durable on
	 * return. dir_remove: MISSING when it is gone; with a version other than 0 only the file
	 * that was read is removed, and LANED_AGAIN says that another stands there by now.
	 * dir_set_aside moves a file that nobody can use to the folder "bad" in it (a bounded
	 * number, the first 64 KiB, card numbers masked), for a human to look at.
	 */
	int (*dir_watch)(struct laned_host *h, const char *option, uint32_t poll_ms,
			 laned_dir_fn fn, void *user);
	int (*dir_list)(struct laned_host *h, const char *option, laned_name_fn fn,
			void *user);
	int (*dir_read)(struct laned_host *h, const char *option, struct laned_str name,
			struct laned_file *ret_file);
	int (*dir_put)(struct laned_host *h, const char *option, struct laned_str name,
		       struct laned_str data);
	int (*dir_remove)(struct laned_host *h, const char *option, struct laned_str name,
			  uint64_t version);
	int (*dir_set_aside)(struct laned_host *h, const char *option,
			     struct laned_str name, uint64_t version);

	/*
	 * Connections by the name of a LANED_OPT_ADDRESS option, or of an endpoint: tcp, tls, serial,
	 * unix. Only what /etc names can be reached. Events come from the loop, never from inside a
	 * call; opened comes once, or closed instead of it; closed is the last one, and none comes
	 * after conn_close. A listener's opened comes for each peer that connects from an allowed
	 * address, with a connection of its own; conn_close of a listener ends it, not its
	 * connections. A serial line that is listened on is opened once it is there.
	 * conn_send takes all or nothing: LANED_AGAIN over LANED_CONN_BYTES_MAX unsent, then drained
	 * comes when there is room; LANED_REFUSED before opened; LANED_GONE after its end.
	 * ended comes behind the last data; one that has gone altogether looks the same until
	 * something is sent to it: closed(LANED_GONE), also when nothing is sent for ten minutes.
	 * conn_close sends what was taken before. closed tells LANED_OK (the peer ended it), LANED_GONE
	 * (nobody there, or the line broke), LANED_INVALID (TLS: not who it should be), LANED_IO,
	 * LANED_NO_MEMORY; the host's log says why. An id is never used twice.
	 * conn_modem: DTR, RTS and a break to send, of a serial line; else LANED_UNSUPPORTED.
	 */
	int (*conn_open)(struct laned_host *h, const char *option,
			 const struct laned_conn_events *events, void *user,
			 uint64_t *ret_conn);
	int (*conn_listen)(struct laned_host *h, const char *option,
			   const struct laned_conn_events *events, void *user,
			   uint64_t *ret_listener);
	int (*conn_send)(struct laned_host *h, uint64_t conn, const uint8_t *data,
			 size_t n);
	void (*conn_close)(struct laned_host *h, uint64_t conn);
	int (*conn_modem)(struct laned_host *h, uint64_t conn, uint32_t mask,
			  uint32_t lines);
	/*
	 * Ties two connections together for good; first goes out to b before anything else. Both are
	 * the host's then: no further event of them comes, and what flows is seen by nobody.
	 */
	int (*splice)(struct laned_host *h, uint64_t a, uint64_t b, const uint8_t *first,
		      size_t n);

	/*
	 * Types text (at most LANED_TYPE_BYTES_MAX) as a keyboard or scanner would, by the option of
	 * type LANED_OPT_ADDRESS that names the device: uinput:LAYOUT[?pace=MS] with us, de, fr or
	 * keypad, or serial://. One text at a time: LANED_AGAIN. LANED_INVALID: a character that the
	 * layout has no key for. done comes once, from the loop: LANED_OK, or why it ended early:
	 * LANED_AGAIN somebody typed on a real keyboard (foreign), LANED_REFUSED it was cancelled,
	 * LANED_IO.
	 */
	int (*type_start)(struct laned_host *h, const char *option, struct laned_str text,
			  laned_typed_fn done, void *user);
	int (*type_cancel)(struct laned_host *h, const char *option);

	/*
	 * Synchronous, at most 2 s. LANED_OK: durable at laned. LANED_NOT_DURABLE: anything else; then
	 * nothing of this payment may leave.
	 */
	int (*journal)(struct laned_host *h, uint64_t req, const struct laned_key *key,
		       uint32_t state, struct laned_str blob);
	/*
	 * The payment whose blob or reference is ref, resolved ones too. *ret_entry points into
	 * the host and is good until the callback that asked returns. LANED_MISSING: none.
	 */
	int (*journal_find)(struct laned_host *h, struct laned_str ref,
			    struct laned_entry *ret_entry);
	/*
	 * All that is about a tender is synchronous as journal(), and TENDER_WANTED fills ev->key;
	 * the others return at once.
	 */
	int (*event)(struct laned_host *h, struct laned_event *ev);

	/*
	 * The basket, a claim, a cancelled ticket. ack (may be NULL) comes from the loop, never from
	 * inside the call, unless an error returns; none comes after link(down). LANED_PAN: a text
	 * holds a payment card number.
	 */
	int (*pos_basket)(struct laned_host *h, const struct laned_basket *b,
			  laned_ack_fn ack, void *user);
	int (*pos_claim)(struct laned_host *h, struct laned_str ticket, uint32_t kind,
			 struct laned_str value, laned_ack_fn ack, void *user);
	int (*pos_cancel)(struct laned_host *h, struct laned_str ticket, laned_ack_fn ack,
			  void *user);

	/*
	 * Ends an accepted request or a recovered entry; exactly once: a second completion is
	 * LANED_REFUSED, counted and dropped. LANED_GONE: no link, and the request is void; laned
	 * hands it over again by recover(). An answer to a request that had its completion goes
	 * with LANED_RESULT_LATE. ack as above; after LANED_AGAIN complete again.
	 */
	int (*complete)(struct laned_host *h, const struct laned_result *r,
			laned_ack_fn ack, void *user);

	/*
	 * Since minor 3. As splice, but only until the host's framer (key "framing" of the section) has
	 * seen the end of the transaction that first begins: then both are the adapter's again and
	 * done(user, LANED_OK) is called; or one of them ended: both are closed, without "closed", and
	 * the status says why. UNSUPPORTED: the section names no framing that tells such ends.
	 */
	int (*tunnel)(struct laned_host *h, const struct laned_tunnel *t);
};

/* ---- the adapter ------------------------------------------------------------------------- */

enum laned_option_type {
	LANED_OPT_STRING = 1,   /* min, max: bytes */
	LANED_OPT_INT = 2,      /* min, max */
	LANED_OPT_BOOL = 3,     /* def "yes" or "no"; 1 or 0 from option_int */
	LANED_OPT_ENUM = 4,     /* choices "a|b|c" */
	LANED_OPT_DURATION = 5, /* "30s"; min, max and option_int in ms */
	LANED_OPT_DIR = 6,      /* an absolute path of a folder */
	LANED_OPT_ADDRESS =
		7, /* tcp://host:port, tls://, serial:///dev/ttyS0?9600,8N1, unix:/path */
	LANED_OPT_SECRET = 8 /* the name of a credential */
};

/* One row: the host reads, checks and documents the configuration by it. */
struct laned_option {
	uint32_t size, type;
	const char *name;    /* a-z 0-9 _ */
	const char *def;     /* NULL: must be set */
	const char *choices; /* LANED_OPT_ENUM, else NULL */
	const char *help;
	int64_t min, max;
};

enum laned_health_state {
	LANED_HEALTH_DOWN = 0,
	LANED_HEALTH_DEGRADED = 1,
	LANED_HEALTH_UP = 2
};

#define LANED_NOTE_BYTES 120u

/* Filled in by health() within size. */
struct laned_health {
	uint32_t size, state;
	uint64_t pending, received, sent, errors;
	char note[LANED_NOTE_BYTES]; /* NUL-terminated */
};

struct laned_adapter {
	uint32_t size, abi_major, abi_minor;
	uint32_t host_minor_min; /* the oldest host that will do */
	const char *name, *version, *license;
	const char *protocol; /* what it speaks, for people */
	const char *evidence; /* simulated, recorded, independent peer, field */
	uint64_t caps;
	const struct laned_option *options;
	uint32_t options_count, reserved;

	/* Reads its options; no I/O. The instance is the adapter's (allocated by the host's alloc). */
	int (*create)(struct laned_host *h, const struct laned_host_api *api,
		      void **ret_instance);
	/* Opens its links; may return before they are up. An error is final. */
	int (*start)(void *instance);
	/*
	 * laned is there (up 1) or was lost (up 0). When lost, every accepted request is void: it
	 * comes again by recover(), which is called before link(up), with count 0 too. Each entry
	 * must end in a completion.
	 */
	void (*recover)(void *instance, const struct laned_entry *entries, size_t count);
	void (*link)(void *instance, int up);
	/* LANED_OK: accepted, one completion will come. Else certainly nothing happened. */
	int (*submit)(void *instance, const struct laned_request *r);
	void (*health)(void *instance, struct laned_health *h);
	/*
	 * 0: codec vectors; 1: the peer answers; 2: a payment in training mode. LANED_OK passed,
	 * LANED_UNSUPPORTED, else failed; text says what (NUL-terminated, note bytes).
	 */
	int (*selftest)(void *instance, uint32_t level, char text[LANED_NOTE_BYTES]);
	/* No new work; what is pending may be completed as unknown. Then destroy. */
	void (*stop)(void *instance);
	void (*destroy)(void *instance);
};

/* The entry. host_minor: of the asking host. NULL: not with this host. */
typedef const struct laned_adapter *(*laned_adapter_fn)(uint32_t host_minor);

#if defined(__GNUC__)
#define LANED_EXPORT __attribute__((visibility("default")))
#else
#define LANED_EXPORT
#endif

LANED_EXPORT const struct laned_adapter *laned_adapter_v0(uint32_t host_minor);

#ifdef __cplusplus
}
#endif

#endif
