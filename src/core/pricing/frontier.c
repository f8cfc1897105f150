#include "core/pricing/frontier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 32768u        /* partial ways kept */
#define PRODUCTS_MAX (1u << 20) /* partial ways made at one component */
#define PAIRWISE_MAX 256u       /* compared with each other for dominance */
#define TRIAL_NODES 8u          /* what evaluating a whole way counts */
#define PRODUCTS_A_NODE 16u

/*
 * A partial way is an array of words: how many follow; its cost; the net of each scope; the net
 * of all lines; and the partial way and the point it was joined from.
 */
struct origin {
	uint32_t parent, pick;
};

struct frontier {
	const struct frontier_job *j;
	struct points *points;    /* of each component */
	int64_t *rest_cost;       /* least cost of the components from here on */
	int64_t *rest_net;        /* [components + 1][dims]: most net of them */
	struct origin **origins;  /* of each stage's vectors */
	int64_t *vectors, *grown; /* of the present stage and of the next */
	uint32_t count, words, dims;
	int64_t cost_limit, best;
	enum search_want want;
	bool complete;
	bool single; /* all scopes see layer 1 alike: the net of one tells that of all */
};

static int64_t
ceil_bp(int64_t cost)
{
	return cost >= 0 ? (cost + BP_ONE - 1) / BP_ONE : -(-cost / BP_ONE);
}

/* What rounding the basket percentages may take in all, in cost. */
static int64_t
rounding_cost(const struct frontier_job *j)
{
	if (j->p->rules->rounding == ROUND_DOWN)
		return 0;
	return (int64_t)j->percents * (BP_ONE / 2);
}

static int64_t
bound_of(const struct frontier_job *j, int64_t cost)
{
	int64_t total = ceil_bp(cost - rounding_cost(j) - j->slack_cost) - j->amounts;
	int64_t floors = 0;

	for (uint32_t line = 0; line < j->p->lines_count; line++)
		floors += j->p->floors[line];
	return total > floors ? total : floors;
}

int64_t
frontier_bound(const struct frontier_job *j)
{
	int64_t cost = j->base.cost;

	for (uint32_t c = 0; c < j->components_count; c++)
		cost += j->bounds[c];
	return bound_of(j, cost);
}

bool
frontier_settled(const struct frontier_job *j, int64_t total)
{
	bool proven = true;

	if (total == INT64_MAX)
		return false;
	for (uint32_t c = 0; c < j->components_count; c++)
		proven = proven && j->bounds[c] == j->cheapest[c].cost;
	if (!proven)
		return false;
	/*
	 * Where all scopes see layer 1 alike, less net is never more to pay: one rounding keeps
	 * the order, and so does one cap.
	 */
	if (j->aligned && !j->crowded && (j->percents <= 1 || j->plan.basket_count == 1))
		return true;
	return total <= frontier_bound(j);
}

/* Which ways can matter to this plan. */
static enum search_want
wanted(const struct frontier_job *j)
{
	if (j->crowded)
		return SEARCH_ALL;
	if (j->capped || j->percents > 1 ||
	    (j->percents == 1 && j->p->rules->rounding == ROUND_HALF_EVEN))
		return SEARCH_DISTINCT;
	return SEARCH_UNDOMINATED;
}

/* Every way of each component that is not too dear for a total below best. */
static int
find_points(struct frontier *f)
{
	const struct frontier_job *j = f->j;
	int64_t spare = f->cost_limit - j->base.cost;

	for (uint32_t c = 0; c < j->components_count; c++)
		spare -= j->bounds[c];
	for (uint32_t c = 0; c < j->components_count && f->complete; c++) {
		struct search_job job = {
			.p = j->p,
			.arena = j->p->arena,
			.component = &j->components[c],
			.disabled = j->disabled,
			.cost = &j->cost,
			.effort = j->effort,
			.want = f->want,
			.cost_limit = j->bounds[c] + spare,
		};
		int64_t ignored; /* the bounds of the cheapest ways serve */
		int rc = search_component(&job, &f->points[c], &ignored, &f->complete);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static void
find_rests(struct frontier *f)
{
	for (uint32_t c = f->j->components_count; c-- > 0;) {
		const struct points *points = &f->points[c];
		int64_t *most = f->rest_net + (size_t)c * f->dims;
		int64_t least = points->count > 0 ? points->at[0].cost : 0;

		for (uint32_t d = 0; d < f->dims; d++)
			most[d] = 0;
		for (uint32_t i = 0; i < points->count; i++) {
			if (points->at[i].cost < least)
				least = points->at[i].cost;
			for (uint32_t d = 0; d < f->dims; d++)
				if (points->at[i].nets[d] > most[d])
					most[d] = points->at[i].nets[d];
		}
		f->rest_cost[c] = f->rest_cost[c + 1] + least;
		for (uint32_t d = 0; d < f->dims; d++)
			most[d] += f->rest_net[(size_t)(c + 1) * f->dims + d];
	}
}

/* Cheaper first; of equal cost, more net first; then where it came from. */
static int
vector_order(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	if (x[1] != y[1])
		return x[1] < y[1] ? -1 : 1;
	for (int64_t i = 2; i < x[0]; i++)
		if (x[i] != y[i])
			return x[i] > y[i] ? -1 : 1;
	return x[x[0]] < y[y[0]] ? -1 : x[x[0]] > y[y[0]];
}

/* Whether vector a, which costs no more, makes b needless. */
static bool
dominates(const struct frontier *f, const int64_t *a, const int64_t *b)
{
	uint32_t compared = f->want == SEARCH_UNDOMINATED ? f->dims : f->dims + 1;

	if (f->want == SEARCH_ALL || (f->want == SEARCH_DISTINCT && a[1] != b[1]))
		return false;
	for (uint32_t d = 0; d < compared; d++)
		if (f->want == SEARCH_UNDOMINATED ? a[2 + d] < b[2 + d]
						  : a[2 + d] != b[2 + d])
			return false;
	return true;
}

/* Of sorted vectors with one net: those that leave more net than all cheaper ones. */
static uint32_t
thin_single(const struct frontier *f, int64_t *v, uint32_t count)
{
	uint32_t kept = 0, w = f->words;
	int64_t most = INT64_MIN;

	for (uint32_t i = 0; i < count; i++) {
		const int64_t *at = v + (size_t)i * w;

		if (at[2] <= most)
			continue;
		most = at[2];
		if (kept < i)
			memcpy(v + (size_t)kept * w, at, w * sizeof(*v));
		kept++;
	}
	return kept;
}

/* Sorts the vectors and drops those that others make needless. */
static uint32_t
thin(const struct frontier *f, int64_t *v, uint32_t count)
{
	uint32_t kept = 0, w = f->words;

	qsort(v, count, w * sizeof(*v), vector_order);
	if (f->single && f->want == SEARCH_UNDOMINATED)
		return thin_single(f, v, count);
	for (uint32_t i = 0; i < count; i++) {
		bool needless = false;
		uint32_t from = kept > PAIRWISE_MAX ? kept - PAIRWISE_MAX : 0;

		for (uint32_t k = kept; k-- > from && !needless;)
			needless = dominates(f, v + (size_t)k * w, v + (size_t)i * w);
		if (needless)
			continue;
		if (kept < i)
			memcpy(v + (size_t)kept * w, v + (size_t)i * w, w * sizeof(*v));
		kept++;
	}
	return kept;
}

/* Whether a partial way can still be cheap enough and reach every spend. */
static bool
promising(const struct frontier *f, const int64_t *v, uint32_t next)
{
	const struct frontier_job *j = f->j;

	if (v[1] + f->rest_cost[next] > f->cost_limit)
		return false;
	for (uint32_t d = 0; d < f->dims; d++)
		if (!layers_spend_ok(&j->p->live[j->plan.basket[d]],
				     v[2 + d] + f->rest_net[(size_t)next * f->dims + d]))
			return false;
	return true;
}

/* Joins every partial way with every way of a component. */
static int
join(struct frontier *f, uint32_t c)
{
	const struct points *points = &f->points[c];
	size_t products = (size_t)f->count * points->count;
	uint32_t n = 0, w = f->words;
	int64_t *swap;

	if (products > PRODUCTS_MAX ||
	    !effort_spend(f->j->effort, products / PRODUCTS_A_NODE + 1)) {
		f->complete = false;
		return 0;
	}
	free(f->grown);
	f->grown = malloc((products + 1) * w * sizeof(*f->grown));
	if (f->grown == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->count; i++) {
		const int64_t *from = f->vectors + (size_t)i * w;

		for (uint32_t k = 0; k < points->count; k++) {
			int64_t *to = f->grown + (size_t)n * w;

			to[0] = w - 1;
			to[1] = from[1] + points->at[k].cost;
			for (uint32_t d = 0; d <= f->dims; d++)
				to[2 + d] = from[2 + d] + points->at[k].nets[d];
			to[w - 1] = (int64_t)i << 32 | k;
			n += promising(f, to, c + 1);
		}
	}
	n = thin(f, f->grown, n);
	if (n > NODES_MAX) {
		f->complete = false;
		return 0;
	}
	f->origins[c] = arena_array(f->j->p->arena, n, sizeof(struct origin));
	if (f->origins[c] == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		int64_t came = f->grown[(size_t)i * w + w - 1];

		f->origins[c][i] = (struct origin){ (uint32_t)(came >> 32),
						    (uint32_t)(came & UINT32_MAX) };
	}
	swap = f->vectors;
	f->vectors = f->grown;
	f->grown = swap;
	f->count = n;
	return 0;
}

/* What a whole way costs if basket rules do not take each other's room; else no less. */
static int64_t
total_of(const struct frontier *f, const int64_t *v)
{
	const struct frontier_job *j = f->j;
	int64_t total = v[2 + f->dims];

	for (uint32_t d = 0; d < f->dims; d++) {
		const struct live *l = &j->p->live[j->plan.basket[d]];
		int64_t off = layers_basket_off(j->p, l, v[2 + d]);
		int64_t room = v[2 + d] - layers_floor(j->p, l);

		total -= off < room ? off : room;
	}
	return total;
}

static int
evaluate(const struct frontier *f, uint32_t index, int64_t *ret_total)
{
	const struct frontier_job *j = f->j;
	const struct point **points =
		calloc(j->components_count + 1, sizeof(struct point *));
	int rc;

	if (points == NULL)
		return -ENOMEM;
	for (uint32_t c = j->components_count; c-- > 0;) {
		struct origin o = f->origins[c][index];

		points[c] = &f->points[c].at[o.pick];
		index = o.parent;
	}
	rc = j->evaluate(j->ctx, points, ret_total);
	free(points);
	return rc;
}

struct trial {
	int64_t total;
	uint32_t index;
};

static int
trial_order(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;

	if (x->total != y->total)
		return x->total < y->total ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Evaluates whole ways, the most promising first, until none can be below the best. */
static int
try_all(struct frontier *f, int64_t *ret_bound)
{
	struct trial *trials = calloc((size_t)f->count + 1, sizeof(*trials));
	int rc = 0;

	if (trials == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->count; i++)
		trials[i] =
			(struct trial){ total_of(f, f->vectors + (size_t)i * f->words),
					i };
	qsort(trials, f->count, sizeof(*trials), trial_order);
	*ret_bound = f->best;
	for (uint32_t i = 0; rc == 0 && i < f->count && trials[i].total < f->best; i++) {
		int64_t total;

		if (!effort_spend(f->j->effort, TRIAL_NODES)) {
			*ret_bound = trials[i].total;
			break;
		}
		rc = evaluate(f, trials[i].index, &total);
		if (rc == 0 && total < f->best)
			f->best = *ret_bound = total;
	}
	free(trials);
	return rc;
}

/* Whether every line that layer 1 changes lies in all scopes or in none. */
static bool
single_net(const struct frontier_job *j)
{
	uint32_t all = (uint32_t)((UINT64_C(1) << j->cost.dims_count) - 1);

	for (uint32_t c = 0; c < j->components_count; c++)
		for (uint32_t i = 0; i < j->components[c].lines_count; i++) {
			uint32_t dims = j->cost.dims[j->components[c].lines[i]];

			if (dims != 0 && dims != all)
				return false;
		}
	return j->cost.dims_count > 0;
}

static int
frontier_init(struct frontier *f)
{
	const struct frontier_job *j = f->j;
	size_t n = j->components_count;

	f->dims = j->cost.dims_count;
	f->words = f->dims + 4;
	f->want = wanted(j);
	f->complete = true;
	f->single = single_net(j);
	f->cost_limit =
		(f->best - 1 + j->amounts) * BP_ONE + rounding_cost(j) + j->slack_cost;
	f->points = arena_array(j->p->arena, n, sizeof(*f->points));
	f->rest_cost = arena_array(j->p->arena, n + 1, sizeof(*f->rest_cost));
	f->rest_net =
		arena_array(j->p->arena, (n + 1) * (f->dims + 1), sizeof(*f->rest_net));
	f->origins = arena_array(j->p->arena, n, sizeof(struct origin *));
	f->vectors = calloc(f->words, sizeof(*f->vectors));
	if (f->points == NULL || f->rest_cost == NULL || f->rest_net == NULL ||
	    f->origins == NULL || f->vectors == NULL)
		return -ENOMEM;
	f->vectors[0] = f->words - 1;
	f->vectors[1] = j->base.cost;
	for (uint32_t d = 0; d <= f->dims; d++)
		f->vectors[2 + d] = j->base.nets[d];
	f->count = 1;
	return 0;
}

int
frontier_search(const struct frontier_job *j, int64_t best, int64_t *ret_bound)
{
	struct frontier f = { .j = j, .best = best };
	int64_t bound = frontier_bound(j);
	int rc = frontier_init(&f);

	if (rc == 0 && j->plan.basket_count > SEARCH_DIMS_MAX)
		f.complete = false;
	if (rc == 0 && f.complete)
		rc = find_points(&f);
	if (rc == 0 && f.complete)
		find_rests(&f);
	for (uint32_t c = 0; rc == 0 && f.complete && c < j->components_count; c++)
		rc = join(&f, c);
	if (rc == 0 && f.complete)
		rc = try_all(&f, &bound);
	if (rc == 0)
		*ret_bound = bound;
	free(f.vectors);
	free(f.grown);
	return rc;
}
