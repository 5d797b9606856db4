/*
 * pbx/app_spell.c: SayDigits, SayNumber, SayAlpha, SayPhonetic: a text as the names of sounds in a row, which
 * Playback's player plays. Numbers are put together as in English.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/trace.h"
#include "pbx/play.h"

#define TEXT_MAX 256 /* characters that are spelled */

static void put(struct out *o, const char *folder, const char *name)
{
	out_all(o, o->n ? "&" : "", folder, "/", name);
}

static void put_number(struct out *o, unsigned n)
{
	char name[12];

	snprintf(name, sizeof name, "%u", n);
	put(o, "digits", name);
}

static const char *digit_sign(char c)
{
	return c == '#' ? "pound" : c == '*' ? "star" : NULL;
}

static void spell_digits(struct span s, struct out *o)
{
	for (size_t i = 0; i < s.n; i++) {
		if (char_is_digit(s.p[i]))
			put_number(o, (unsigned)(s.p[i] - '0'));
		else if (s.p[i] == '-')
			put(o, "digits", "minus");
		else if (digit_sign(s.p[i]))
			put(o, "digits", digit_sign(s.p[i]));
	}
}

static void spell_sign(char c, struct out *o)
{
	static const struct {
		char c;
		const char *name;
	} names[] = { { ' ', "space" },  { '!', "exclaimation-point" },
		      { '$', "dollar" }, { '+', "plus" },
		      { '-', "dash" },   { '.', "dot" },
		      { '/', "slash" },  { '=', "equals" },
		      { '@', "at" } };
	char code[12];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].c == c) {
			put(o, "letters", names[i].name);
			return;
		}
	snprintf(code, sizeof code, "ascii%d", (unsigned char)c);
	put(o, "letters", code);
}

static void spell(struct span s, bool phonetic, struct out *o)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], name[] = { char_lower(c), '\0' }, word[] = { char_lower(c), '_', 'p', '\0' };

		if (phonetic && (isalpha((unsigned char)c) || c == '9'))
			put(o, "phonetic", word);
		else if (char_is_digit(c))
			put_number(o, (unsigned)(c - '0'));
		else if (isalpha((unsigned char)c))
			put(o, "letters", name);
		else if (digit_sign(c))
			put(o, "digits", digit_sign(c));
		else if (isprint((unsigned char)c))
			spell_sign(c, o);
	}
}

static void spell_alpha(struct span s, struct out *o)
{
	spell(s, false, o);
}

static void spell_phonetic(struct span s, struct out *o)
{
	spell(s, true, o);
}

/* Below 1000. */
static void put_hundreds(struct out *o, unsigned n)
{
	if (n >= 100) {
		put_number(o, n / 100);
		put(o, "digits", "hundred");
	}
	n %= 100;
	if (n > 20 && n % 10) {
		put_number(o, n - n % 10);
		put_number(o, n % 10);
	} else if (n) {
		put_number(o, n);
	}
}

static void spell_number(struct span s, struct out *o)
{
	static const struct {
		unsigned size;
		const char *name;
	} groups[] = { { 1000000000, "billion" }, { 1000000, "million" }, { 1000, "thousand" } };
	uint32_t n;

	if (span_take_char(&s, '-') && s.n)
		put(o, "digits", "minus");
	if (!span_u32(s, INT32_MAX, &n))
		o->n = 0;
	else if (!n)
		put_number(o, 0);
	else {
		for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
			if (n < groups[i].size)
				continue;
			put_hundreds(o, n / groups[i].size);
			put(o, "digits", groups[i].name);
			n %= groups[i].size;
		}
		put_hundreds(o, n);
	}
}

void play_out_number(struct out *o, uint32_t n)
{
	char text[12];

	snprintf(text, sizeof text, "%u", n);
	spell_number(span_of(text), o);
}

static enum app_say say(struct dp *dp, struct span text, void (*to)(struct span s, struct out *o))
{
	struct out o = out_growing();
	enum app_say next = APP_NEXT;

	to(span_sub(text, 0, TEXT_MAX), &o);
	if (o.n)
		next = play_sounds(dp, out_look(&o), span_iis(span_of(dp_get(dp, "SAY_DTMF_INTERRUPT")), "true"));
	else
		trace(EV_DP_WARN, dp->chan->name, "%s: nothing can be said of '%.*s'", dp->app->name, SP(text));
	out_free(&o);
	return next;
}

static enum app_say digits(struct dp *dp, struct span args)
{
	return say(dp, dp_arg(args, 0), spell_digits);
}

static enum app_say number(struct dp *dp, struct span args)
{
	return say(dp, dp_arg(args, 0), spell_number);
}

static enum app_say alpha(struct dp *dp, struct span args)
{
	return say(dp, args, spell_alpha);
}

static enum app_say phonetic(struct dp *dp, struct span args)
{
	return say(dp, args, spell_phonetic);
}

const struct app app_saydigits = { .name = "SayDigits",
				   .help = "Says digits one by one.",
				   .state_size = sizeof(struct playing),
				   .start = digits,
				   .event = play_event,
				   .stop = play_stop };
const struct app app_saynumber = { .name = "SayNumber",
				   .help = "Says a number: SayNumber(n[,gender]).",
				   .state_size = sizeof(struct playing),
				   .start = number,
				   .event = play_event,
				   .stop = play_stop };
const struct app app_sayalpha = { .name = "SayAlpha",
				  .help = "Spells a text.",
				  .state_size = sizeof(struct playing),
				  .start = alpha,
				  .event = play_event,
				  .stop = play_stop };
const struct app app_sayphonetic = { .name = "SayPhonetic",
				     .help = "Spells a text with the phonetic alphabet.",
				     .state_size = sizeof(struct playing),
				     .start = phonetic,
				     .event = play_event,
				     .stop = play_stop };
