/*
 * base/hash.h: uthash, with short chains. It lets ten items share a bucket before it doubles the table; each of them is
 * a line of memory to fetch, which is what a lookup among a hundred thousand costs.
 */
#pragma once
#include <uthash.h>

#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 2U
