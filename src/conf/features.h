/* conf/features.h: features.conf in the snapshot: what keys do during a call. */
#pragma once
#include "conf/conf.h"

#define FEATURE_MAX 11 /* digits of a code */

struct conf_features {
	struct conf_obj o;
	const char *blindxfer, *disconnect; /* codes; "": off */
	const char *pickupexten;            /* "": off */
	const char *transferannouncesound, *transferretrysound, *transferinvalidsound;
	uint32_t transferdialattempts;
	double transferdigittimeout;  /* s */
	uint32_t featuredigittimeout; /* ms */
};
const struct conf_features *conf_features(const struct conf *c);
