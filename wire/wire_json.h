/* Values of the library as JSON, written in one way by all programs. digits: behind the point, WIRE_EXACT: all there
 * are. */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <jansson.h>

#include "secondlook.h"

enum { WIRE_EXACT = -1 };

/* What JSON may not be able to hold: NaN and infinity become null, NULL too, bytes that are not UTF-8 become U+FFFD. */
json_t *wire_number(double value, int digits);
json_t *wire_text(const char *text);

/* [x0, y0, x1, y1] in pixels; {"size", "sharpness", "pose", "detector", "overall"}. */
json_t *wire_box(const sl_box *box, int digits);
json_t *wire_quality(const sl_quality *quality, int digits);

/* {"promise": "fpir"|"far"|null, "rate", "faces", "on": "score"|"stage1", "bins": [{"hidden_to", "threshold", "source",
 * "extrapolated"}]} */
json_t *wire_rule(const sl_rule *rule, int digits);

/* Adds "threshold", "threshold_on", "threshold_by", "hidden" and "hidden_from", "hidden_to" of the bin of a face that
 * is so hidden. */
void wire_add_judgement(json_t *object, const sl_rule *rule, float hidden, int digits);

#endif
