/*
 * bench/load_run.c: the plan of a run of calls: set up those that stay, offer each phase's rate, take down what is up.
 * Each step is one line of JSON on stdout; bench/load.py reads them.
 */
#include <errno.h>
#include <stdlib.h>

#include "load_call.h"

static void measure(struct calls *c, bool begins)
{
	struct tally *t = &c->tallies[c->phase];
	double cpu = watched_cpu(&c->load->watched), at = (double)load_now() / 1e6;

	t->cpu = begins ? cpu : cpu - t->cpu;
	t->seconds = begins ? at : at - t->seconds;
	*(begins ? &t->rss_before : &t->rss_after) = watched_rss(&c->load->watched);
	t->up_after = c->up;
}

/* How long it took, from the beginning of the phase, until 99 % of what is offered was answered at once; -1: never. */
static double recovery(const struct calls *c, us_t start, double seconds)
{
	size_t first = (size_t)((start - c->began + BIN_US - 1) / BIN_US), n = (size_t)(seconds * 1e6 / BIN_US);

	for (size_t i = first; i + 2 < first + n && i + 2 < BINS; i++) {
		unsigned offered = 0, in_time = 0;

		for (size_t k = i; k < i + 2; k++)
			offered += c->bins[k].offered, in_time += c->bins[k].in_time;
		if (offered && in_time >= 0.99 * offered)
			return (double)(i * BIN_US) / 1e6 - (double)(start - c->began) / 1e6;
	}
	return -1;
}

static void print(const struct calls *c, unsigned phase, const char *name, us_t start)
{
	const struct tally *t = &c->tallies[phase];
	const struct phase *p = &c->load->phases[phase];

	printf("{\"step\":\"%s\",\"rate\":%.0f,\"seconds\":%.3f,\"offered\":%llu,\"answered\":%llu,\"good\":%llu,"
	       "\"failed\":%llu,\"shed\":%llu,\"timed_out\":%llu,\"lost\":%llu,\"repeats\":%llu,\"repeated\":%llu,"
	       "\"late\":%llu,\"no_room\":%llu,",
	       name, p->rate, t->seconds, (unsigned long long)t->offered, (unsigned long long)t->answered,
	       (unsigned long long)t->good, (unsigned long long)t->failed, (unsigned long long)t->shed,
	       (unsigned long long)t->timed_out, (unsigned long long)t->lost, (unsigned long long)t->repeats,
	       (unsigned long long)t->repeated, (unsigned long long)t->late, (unsigned long long)t->no_room);
	printf("\"served_per_s\":%.1f,\"p50_us\":%llu,\"p99_us\":%llu,\"cpu_s\":%.6f,\"rss_before\":%.0f,"
	       "\"rss_after\":%.0f,\"up\":%u,\"recovery_s\":%.1f,\"last_status\":%u}\n",
	       t->seconds > 0 ? (double)t->answered_in / t->seconds : 0,
	       (unsigned long long)histogram_at(&t->setup, 0.5), (unsigned long long)histogram_at(&t->setup, 0.99),
	       t->cpu, t->rss_before, t->rss_after, t->up_after, recovery(c, start, t->seconds), t->last_status);
}

static void write_series(const struct calls *c)
{
	size_t last = (size_t)MIN((load_now() - c->began) / BIN_US, BINS);
	FILE *f = c->load->series ? fopen(c->load->series, "w") : NULL;

	if (c->load->series && !f)
		load_die("%s: %s", c->load->series, strerror(errno));
	for (size_t i = 0; f && i < last; i++)
		fprintf(f, "%.1f\t%u\t%u\t%u\n", (double)i * BIN_US / 1e6, c->bins[i].offered * (1000000 / BIN_US),
			c->bins[i].answered * (1000000 / BIN_US), c->bins[i].shed * (1000000 / BIN_US));
	if (f)
		fclose(f);
}

/* Audio in the calls that are up; signalling waits meanwhile. */
static void speak(const struct calls *c)
{
	struct route_pair *routes = xcalloc(c->size, sizeof *routes);
	unsigned n = 0;

	for (unsigned i = 0; i < c->size; i++) {
		const struct call *call = &c->table[i];

		if (call->number && call->up && call->media[0].sin_port && call->media[1].sin_port)
			routes[n++] = (struct route_pair){ { call->media[0], call->media[1] } };
	}
	if (n)
		load_speak(c->load, routes, n);
	free(routes);
}

/* The last tally is that of the calls that stay: of their setting up and of their end. */
int load_calls(struct load *l)
{
	struct calls *c = calls_new(l);
	unsigned staying = l->n_phases;
	us_t start[PHASES_MAX + 1];
	double longest = 0;

	BUG_ON(staying > PHASES_MAX);
	c->phase = (uint8_t)staying;
	l->phases[staying] = (struct phase){ l->ramp, 0, 0 };
	start[staying] = c->began;
	measure(c, true);
	if (l->up)
		calls_offer(c, l->ramp, 3600, l->up, true);
	for (us_t end = load_now() + 5000000; c->up < c->active && load_now() < end;)
		calls_offer(c, 0, 0.02, 1, false);
	measure(c, false);
	if (l->seconds > 0)
		speak(c);
	for (unsigned i = 0; i < l->n_phases; i++) {
		c->phase = (uint8_t)i;
		start[i] = load_now();
		longest = MAX(longest, l->phases[i].hold);
		measure(c, true);
		calls_offer(c, l->phases[i].rate, l->phases[i].seconds, UINT32_MAX, false);
		measure(c, false);
	}
	calls_drain(c, (unsigned)(c->tallies[staying].answered - c->tallies[staying].lost), longest + l->patience);
	c->phase = (uint8_t)(staying + 1);
	calls_release(c, l->ramp);
	calls_drain(c, 0, l->patience);
	calls_linger(c, 0.3);
	if (l->up)
		print(c, staying, "up", start[staying]);
	for (unsigned i = 0; i < l->n_phases; i++)
		print(c, i, "phase", start[i]);
	write_series(c);
	return 0;
}
