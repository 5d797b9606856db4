/*
 * tests/scn/runner.c: plays stories: each as it is written, then again with every single SIP message lost once, and
 * with every one doubled once.
 *
 *   scn [--seed N] [--verbose] [--kernel] [--plain | --sample N | --shaken N] [--variants N] [--part K/N] STORY|FOLDER…
 *
 * --kernel: plain audio takes the kernel's path, executed by its stand-in (media/virtual.c). --shaken: instead of
 * losses, each story N times with what happens within 2 to 50 ms in one turn and in another order, for the sanitizers
 * to watch.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/story.h"

struct options {
	uint32_t seed;
	bool verbose, plain, kernel;
	unsigned sample;      /* every nth of the runs with loss */
	unsigned shaken;      /* runs in turns, instead of those */
	unsigned variants;    /* of a story with "each", at most so many; 0: all */
	unsigned part, parts; /* of a folder: every story whose place in it leaves this rest */
};

struct tally {
	unsigned passed, failed;
	unsigned losses; /* messages that were anybody's turn to be lost */
	unsigned runs;   /* of one story */
};

static bool play(const struct story *s, const struct options *o, struct story_run *run, struct story_result *res)
{
	static const char *const fates[] = { "as written", "lost", "doubled" };
	struct out name = out_growing();

	story_play(s, run, res);
	if (res->ok)
		return true;
	story_variant_name(s, run->variant, &name);
	printf("FAIL %s (%s", story_name(s), fates[run->fate]);
	if (run->fate != SIM_DELIVER)
		printf(": message %u", run->nth);
	printf("%s%.*s) at %lld.%03lld s\n  %s: %s\n", name.n ? ", " : "", SP(out_look(&name)),
	       (long long)(res->at / 1000), (long long)(res->at % 1000), res->place, res->why);
	out_free(&name);
	if (o->verbose && !run->trace) {
		run->trace = true;
		story_play(s, run, res);
		printf("%s\n", res->trace);
		free(res->trace);
		res->trace = NULL;
	}
	return false;
}

/* With several variants, each meets its share of the lost messages; a sample is one of all stories' together. */
static bool play_losses(const struct story *s, const struct options *o, unsigned variant, unsigned messages,
			struct tally *tally)
{
	unsigned share = story_loss(s) == STORY_LOSS_SAMPLED ? MAX(story_variants(s), 7u) : story_variants(s);
	struct story_result res;

	for (unsigned k = 0; k < messages; k++) {
		if (k % share != variant % share || tally->losses++ % MAX(o->sample, 1u))
			continue;
		for (enum sim_fate fate = SIM_LOSE; fate <= SIM_DOUBLE; fate++) {
			struct story_run run = {
				.seed = o->seed, .variant = variant, .fate = fate, .nth = k, .kernel = o->kernel
			};

			tally->runs++;
			if (!play(s, o, &run, &res))
				return false;
		}
	}
	return true;
}

/* What comes of it is not asked: a sanitizer, or a BUG_ON, ends the program when it is bad. */
static void play_shaken(const struct story *s, const struct options *o, unsigned variant, struct tally *tally)
{
	for (unsigned k = 0; k < o->shaken; k++, tally->runs++) {
		uint32_t seed = o->seed + k;
		struct story_run run = {
			.seed = seed, .variant = variant, .turn = 2 + seed * 7 % 49, .kernel = o->kernel
		};
		struct story_result res;

		if (o->verbose) {
			printf("shaken: %s, variant %u, --seed %u, turns of %u ms\n", story_name(s), variant, run.seed,
			       (unsigned)run.turn);
			fflush(stdout);
		}
		story_play(s, &run, &res);
	}
}

/* Of more variants than are wanted, these are played: the first, and the others far apart. */
static bool is_wanted(const struct story *s, const struct options *o, unsigned variant)
{
	unsigned all = story_variants(s), n = o->variants;

	return !n || n >= all || !variant || variant * n / all != (variant - 1) * n / all;
}

static void play_story(const char *path, const struct options *o, struct tally *tally)
{
	char *why = NULL;
	struct story *s = story_load(path, &why);
	unsigned messages = 0;
	bool ok = s != NULL;

	if (!s) {
		printf("FAIL %s\n", why);
		free(why);
	}
	tally->runs = 0;
	for (unsigned v = 0; ok && v < story_variants(s); v++) {
		struct story_run run = { .seed = o->seed, .variant = v, .kernel = o->kernel };
		struct story_result res;

		if (!is_wanted(s, o, v))
			continue;
		tally->runs++;
		ok = play(s, o, &run, &res);
		messages = MAX(messages, res.messages);
		if (o->shaken)
			play_shaken(s, o, v, tally);
		else if (ok && !o->plain && story_loss(s) != STORY_LOSS_NO)
			ok = play_losses(s, o, v, res.messages, tally);
	}
	if (ok)
		printf("ok %s (%u messages, %u runs)\n", story_name(s), messages, tally->runs);
	fflush(stdout);
	tally->passed += ok;
	tally->failed += !ok;
	if (s)
		story_free(s);
}

/* A story, or a folder: all that are in it. */
static void play_path(const char *path, const struct options *o, struct tally *tally)
{
	char *pattern = xasprintf("%s/*.scn", path);
	glob_t found = { 0 };

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = o->part; i < found.gl_pathc; i += o->parts)
			play_story(found.gl_pathv[i], o, tally);
	else
		play_story(path, o, tally);
	globfree(&found);
	free(pattern);
}

/* K/N: the Kth of N parts, so that N processes share a folder. */
static void part_parse(const char *text, struct options *o)
{
	char *end;

	o->part = (unsigned)strtoul(text, &end, 10) - 1;
	o->parts = *end == '/' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
	if (o->part >= o->parts) {
		fprintf(stderr, "--part %s: not one of its parts\n", text);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .sample = 1, .parts = 1 };
	struct tally tally = { 0 };

	setenv("TZ", "UTC", 1); /* the same hour everywhere */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			o.verbose = true;
		else if (strcmp(argv[i], "--kernel") == 0)
			o.kernel = true;
		else if (strcmp(argv[i], "--plain") == 0)
			o.plain = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			o.seed = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--sample") == 0 && i + 1 < argc)
			o.sample = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--shaken") == 0 && i + 1 < argc)
			o.shaken = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--variants") == 0 && i + 1 < argc)
			o.variants = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc)
			part_parse(argv[++i], &o);
		else
			play_path(argv[i], &o, &tally);
	}
	printf("%u passed, %u failed, 0 skipped\n", tally.passed, tally.failed);
	return tally.failed || !tally.passed;
}
