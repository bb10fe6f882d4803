/* The element-wise nodes behind a convolution or dense layer that one kernel may compute with it. */
#ifndef SL_NET_PLAN_POSTS_H
#define SL_NET_PLAN_POSTS_H

#include "net/plan/plan_build.h"

enum { SL_MOST_POSTS = 4 };

typedef enum { SL_POST_UNARY, SL_POST_PRELU, SL_POST_ADD } sl_post_kind;

/* A node that follows and may be merged. */
typedef struct {
    sl_post_kind kind;
    int node;
    sl_tensor other; /* the slope, or what is added */
    bool in_place;   /* what is added is read here for the last time: its memory becomes the output */
    sl_md md;        /* of the slope */
    bool has_md;
} sl_post;

/* Those behind node n, in order; returns how many: one sum at most. */
int sl_find_posts(const sl_build *b, const sl_node *n, sl_post posts[SL_MOST_POSTS]);

/* The tensor that n makes with the first `count` of them merged. */
sl_tensor sl_posts_output(const sl_build *b, const sl_node *n, const sl_post *posts, int count);

/* They are compiled. */
void sl_merge_posts(sl_build *b, const sl_post *posts, int count);

#endif
