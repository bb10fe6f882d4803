/* 68 landmarks as the dissertation's code keeps them beside its crops (its LMK files), and as Python's face_recognition
 * returns them: JSON with nine groups of [x, y] in the picture's pixels.
 *
 *     {"chin": 17, "left_eyebrow": 5, "right_eyebrow": 5, "nose_bridge": 4, "nose_tip": 5, "left_eye": 6,
 *      "right_eye": 6, "top_lip": 12, "bottom_lip": 12}
 *
 * A lip goes along its outer edge and back along its inner one (or along both from left to right). So 72 points: the
 * four corners of the mouth (48, 54, 60, 64) stand in both lips. */
#ifndef SL_FACE_LANDMARK_GROUPS_H
#define SL_FACE_LANDMARK_GROUPS_H

#include "base/status.h"

/* SL_ERR_FORMAT says what is wrong. */
sl_status sl_landmark_groups_parse(const void *text, size_t size, sl_point out[68], sl_error *err);

/* Of a file, which every error names. */
sl_status sl_landmark_groups_read(const char *path, sl_point out[68], sl_error *err);

/* Of the photo known as `image`: FOLDER/ID.json, its ending left out, else FOLDER/NAME.json by the last part of the id
 * alone. SL_ERR_NOT_FOUND names both. */
sl_status sl_landmark_groups_of(const char *folder, const char *image, sl_point out[68], sl_error *err);

#endif
