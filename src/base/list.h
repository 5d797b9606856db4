/* base/list.h: a doubly linked list whose nodes sit inside what they link. */
#pragma once
#include "base/util.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_push(struct list *l, struct list *node) /* at the end */
{
	node->prev = l->prev;
	node->next = l;
	l->prev->next = node;
	l->prev = node;
}

static inline void list_del(struct list *node) /* may be called twice */
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_for(pos, head)           for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* The current node may be taken out, and only that one. */
#define list_for_safe(pos, head)                                                      \
	for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head); \
	     pos = pos##_next, pos##_next = pos->next)
