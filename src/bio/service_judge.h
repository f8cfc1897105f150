#ifndef LANED_BIO_SERVICE_JUDGE_H
#define LANED_BIO_SERVICE_JUDGE_H

/*
 * Every decision of laned-bio is made here: the guard against repeated failure, the search, the
 * policy, the picture that was here before, whether one-to-many may pay; and what is kept of it.
 */
#include "bio/service_search.h"

/* What is asked about a probe; no subjects: everybody. Subjects are borrowed until it is answered. */
struct question {
	enum record_kind kind;
	struct ulid probe;
	struct ulid with; /* of an identify: a touch before it, not enough; zero: none */
	const struct ulid *subjects;
	size_t subjects_count;
};

struct verdict {
	enum decide_why why;
	uint8_t quality;
	uint16_t hints;
	struct ulid
		subject; /* accepted, or whose picture is played again; zero: nobody */
	uint64_t references; /* compared */
	int32_t threshold;
	uint32_t wait_s;   /* back-off: nothing is compared for so long */
	bool pay_by_touch; /* of an identification: it alone may pay */
	bool foreign; /* accepted by a reference of another system: it does not pay alone */
	bool other_finger; /* ambiguous: another finger may decide together with this one */
	bool searched;
	struct record_counts add;
};

/*
 * Takes up what gallery.db keeps. What cannot be read is logged, and taken for the worst: a touch
 * alone does not pay, and a guarded lane wants a search code for ten minutes.
 */
void service_judge_open(struct service *s);
/*
 * What there is to say before a search. True: nothing speaks against a comparison; *search is filled
 * and to be posted. False: *ret is the verdict. One question at a time: between this and
 * service_judge_end no other one is begun, so that each knows of the failures before it.
 */
bool service_judge_begin(struct service *s, const struct question *q,
			 struct service_search *search, struct verdict *ret);
/*
 * The verdict of what was searched, settled; *ret is what service_judge_begin left. Whatever changed
 * meanwhile counts: a probe that is not kept any more gives WHY_EXPIRED, whoever was erased is not
 * found.
 */
void service_judge_end(struct service *s, const struct question *q,
		       const struct service_search *search, struct verdict *ret);
/* Keeps it, to be called when it was answered. A record that cannot be written is logged. */
void service_judge_keep(struct service *s, const struct question *q,
			const struct verdict *v);

/* The pictures of a complete enrolment were here, too: it was committed. */
void service_judge_enrolled(struct service *s, const struct enrol *e);

/* Whether an identification alone may pay now: profile, gallery and FPIR allow it. */
bool service_judge_pays(const struct service *s);
/* The answer to bio.report, into an open object. 0 or a negative errno. */
int service_report(struct service *s, struct json_out *o);

#endif
