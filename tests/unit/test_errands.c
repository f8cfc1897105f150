#include "bio/errands.h"

#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#define JOBS 6u
#define ROUND_MS 10000 /* far more than a round takes: a lost wake-up fails the test */

/* An errand that writes its name down, and can be held where it works. */
struct job {
	struct errand errand; /* first */
	char name;
	bool held;
	bool until_cancelled;
	sem_t begun, go;
	struct job *post_from_done;
	struct job *cancel_from_done;
};

static struct loop *loop;
static struct errands *errands;
static struct job jobs[JOBS];
/* What was worked on, by the thread, and what was done, by the loop. */
static char worked[JOBS * 2 + 1], finished[JOBS * 2 + 1];
static pthread_t loops_thread;
static sigset_t threads_mask;

static struct job *
job_of(struct errand *e)
{
	return (struct job *)(void *)e;
}

static void
mark(char *list, char c)
{
	size_t n = strlen(list);

	ck_assert_uint_lt(n, JOBS * 2);
	list[n] = c;
	list[n + 1] = '\0';
}

static void
work(struct errand *e)
{
	struct job *j = job_of(e);

	ck_assert(!pthread_equal(pthread_self(), loops_thread));
	(void)pthread_sigmask(SIG_SETMASK, NULL, &threads_mask);
	(void)sem_post(&j->begun);
	if (j->held)
		(void)sem_wait(&j->go);
	while (j->until_cancelled && !atomic_load(&e->cancel))
		;
	mark(worked, j->name);
}

static void
done(struct errand *e)
{
	struct job *j = job_of(e);

	ck_assert(pthread_equal(pthread_self(), loops_thread));
	ck_assert(!errands_has(errands, e));
	mark(finished, j->name);
	if (j->post_from_done != NULL)
		errands_post(errands, &j->post_from_done->errand);
	if (j->cancel_from_done != NULL)
		errands_cancel(errands, &j->cancel_from_done->errand);
}

static void
start(void)
{
	loops_thread = pthread_self();
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(errands_new(loop, &errands), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i] = (struct job){ .errand = { .work = work, .done = done },
					.name = (char)('a' + i) };
		ck_assert_int_eq(sem_init(&jobs[i].begun, 0, 0), 0);
		ck_assert_int_eq(sem_init(&jobs[i].go, 0, 0), 0);
	}
}

static void
end(void)
{
	errands_free(errands);
	loop_free(loop);
	for (unsigned i = 0; i < JOBS; i++) {
		(void)sem_destroy(&jobs[i].begun);
		(void)sem_destroy(&jobs[i].go);
	}
}

static void
post(unsigned i, enum errand_class class)
{
	jobs[i].errand.class = class;
	errands_post(errands, &jobs[i].errand);
}

/* Posts an errand and returns when the thread is inside its work. */
static void
hold(unsigned i)
{
	jobs[i].held = true;
	post(i, ERRAND_URGENT);
	(void)sem_wait(&jobs[i].begun);
}

static void
until_done(size_t count)
{
	while (strlen(finished) < count)
		ck_assert_int_eq(loop_once(loop, ROUND_MS), 0);
}

START_TEST(urgent_ones_go_first_and_each_class_in_order)
{
	start();
	hold(0);
	post(1, ERRAND_LATER);
	post(2, ERRAND_URGENT);
	post(3, ERRAND_LATER);
	post(4, ERRAND_URGENT);
	(void)sem_post(&jobs[0].go);
	until_done(5);
	ck_assert_str_eq(worked, "acebd");
	ck_assert_str_eq(finished, "acebd");
	end();
}
END_TEST

START_TEST(done_is_never_called_from_inside_post_or_cancel)
{
	start();
	hold(0);
	post(1, ERRAND_URGENT);
	errands_cancel(errands, &jobs[1].errand);
	ck_assert_str_eq(finished, "");
	ck_assert(errands_has(errands, &jobs[1].errand));
	(void)sem_post(&jobs[0].go);
	until_done(2);
	end();
}
END_TEST

START_TEST(what_is_cancelled_in_the_queue_is_done_and_never_worked_on)
{
	start();
	hold(0);
	for (unsigned i = 1; i < 5; i++)
		post(i, i == 3 ? ERRAND_LATER : ERRAND_URGENT);
	errands_cancel(errands, &jobs[4].errand); /* the last of its class */
	errands_cancel(errands, &jobs[1].errand); /* the first */
	errands_cancel(errands, &jobs[3].errand); /* the only one */
	post(5, ERRAND_LATER);
	until_done(3); /* while the first one is held */
	ck_assert_str_eq(finished, "ebd");
	(void)sem_post(&jobs[0].go);
	until_done(6);
	ck_assert_str_eq(worked, "acf");
	ck_assert_str_eq(finished, "ebdacf");
	for (unsigned i = 0; i < JOBS; i++) {
		bool off = i == 1 || i == 3 || i == 4;

		ck_assert_int_eq(jobs[i].errand.worked, !off);
		ck_assert_int_eq(atomic_load(&jobs[i].errand.cancel), off);
	}
	end();
}
END_TEST

START_TEST(one_that_runs_is_told_and_done_as_ever)
{
	start();
	jobs[0].until_cancelled = true;
	post(0, ERRAND_LATER);
	(void)sem_wait(&jobs[0].begun);
	errands_cancel(errands, &jobs[0].errand);
	errands_cancel(errands, &jobs[0].errand); /* twice is once */
	until_done(1);
	ck_assert_str_eq(worked, "a");
	ck_assert(jobs[0].errand.worked);
	ck_assert(atomic_load(&jobs[0].errand.cancel));
	end();
}
END_TEST

START_TEST(one_that_is_not_posted_can_be_cancelled_in_vain)
{
	start();
	errands_cancel(errands, &jobs[0].errand);
	post(0, ERRAND_URGENT);
	until_done(1);
	ck_assert_str_eq(worked, "a");
	ck_assert(!atomic_load(&jobs[0].errand.cancel));
	errands_cancel(errands, &jobs[0].errand);
	ck_assert(!atomic_load(&jobs[0].errand.cancel));
	end();
}
END_TEST

START_TEST(done_may_post_another_and_cancel_it)
{
	start();
	jobs[0].post_from_done = &jobs[2];
	jobs[0].cancel_from_done = &jobs[2];
	post(0, ERRAND_URGENT);
	hold(1); /* so the first one is finished, and the third one waits */
	until_done(2);
	ck_assert_str_eq(finished, "ac");
	ck_assert(!jobs[2].errand.worked);
	(void)sem_post(&jobs[1].go);
	until_done(3);
	ck_assert_str_eq(finished, "acb");
	end();
}
END_TEST

START_TEST(the_loop_goes_on_while_one_runs)
{
	start();
	hold(0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(finished, "");
	(void)sem_post(&jobs[0].go);
	until_done(1);
	end();
}
END_TEST

START_TEST(free_cancels_what_runs_and_no_done_runs_after_it)
{
	start();
	jobs[0].until_cancelled = true;
	post(0, ERRAND_URGENT);
	post(1, ERRAND_URGENT);
	post(2, ERRAND_LATER);
	(void)sem_wait(&jobs[0].begun);
	errands = errands_free(errands);
	ck_assert_ptr_null(errands);
	ck_assert_str_eq(worked, "a");
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(finished, "");
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(jobs[i].errand.state, ERRAND_IDLE);
	end();
}
END_TEST

START_TEST(free_drops_what_was_finished_and_not_told)
{
	start();
	hold(0);
	post(1, ERRAND_URGENT);
	(void)sem_post(&jobs[0].go);
	(void)sem_wait(&jobs[1].begun); /* so the first one is finished */
	errands = errands_free(errands);
	ck_assert_int_eq(loop_once(loop, 0), 0);
	ck_assert_str_eq(finished, "");
	ck_assert_int_eq(jobs[0].errand.state, ERRAND_IDLE);
	end();
}
END_TEST

START_TEST(the_thread_takes_no_signals)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1 };
	sigset_t before, after;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &before);
	start();
	(void)pthread_sigmask(SIG_SETMASK, NULL, &after);
	post(0, ERRAND_URGENT);
	until_done(1);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		ck_assert_int_eq(sigismember(&threads_mask, signals[i]), 1);
		ck_assert_int_eq(sigismember(&after, signals[i]),
				 sigismember(&before, signals[i]));
	}
	end();
}
END_TEST

/* Many short ones, in every order the scheduler finds: each is worked on once and done once. */
#define MANY 5000u
static unsigned many_worked, many_done;

static void
many_work(struct errand *e)
{
	(void)e;
	many_worked++;
}

static void
many_finished(struct errand *e)
{
	if (++many_done <= MANY - JOBS)
		errands_post(errands, e);
}

START_TEST(each_of_many_is_worked_on_once_and_done_once)
{
	struct errand list[JOBS] = { { 0 } };

	start();
	for (unsigned i = 0; i < JOBS; i++) {
		list[i].work = many_work;
		list[i].done = many_finished;
		list[i].class = i % 2 == 0 ? ERRAND_URGENT : ERRAND_LATER;
		errands_post(errands, &list[i]);
	}
	while (many_done < MANY)
		ck_assert_int_eq(loop_once(loop, ROUND_MS), 0);
	ck_assert_uint_eq(many_done, MANY);
	end();
	ck_assert_uint_eq(many_worked, MANY);
}
END_TEST

UNIT_MAIN("errands", urgent_ones_go_first_and_each_class_in_order,
	  done_is_never_called_from_inside_post_or_cancel,
	  what_is_cancelled_in_the_queue_is_done_and_never_worked_on,
	  one_that_runs_is_told_and_done_as_ever,
	  one_that_is_not_posted_can_be_cancelled_in_vain,
	  done_may_post_another_and_cancel_it, the_loop_goes_on_while_one_runs,
	  free_cancels_what_runs_and_no_done_runs_after_it,
	  free_drops_what_was_finished_and_not_told, the_thread_takes_no_signals,
	  each_of_many_is_worked_on_once_and_done_once)
