/* conf/edit.h: mends lines of a configuration file without touching the others, and shows what changes. Pure text. */
#pragma once
#include "base/out.h"

struct conf_edit {
	unsigned line; /* as the text is now */
	bool in_place; /* the line's value is replaced; else "option=value" joins the section that the line is in */
	const char *option, *value;
};

struct conf_doc; /* the lines of one file, and what they were */

struct conf_doc *conf_doc_new(struct span text);
/*
 * Makes the edits. A comment behind a value stays; a new line goes behind the last line of its section that holds
 * something. Of two edits for one option of one section the first counts. What cannot be mended so (`+=`, a comment
 * block, a line that is not there) is left alone. Returns how many lines changed or were added.
 */
size_t conf_doc_edit(struct conf_doc *d, const struct conf_edit *edits, size_t n);
void conf_doc_out(const struct conf_doc *d, struct out *o);
/* From what the text was to what it is, as a unified diff with three lines around; nothing when nothing changed. */
void conf_doc_diff(const struct conf_doc *d, const char *name, struct out *o);
void conf_doc_free(struct conf_doc *d);
