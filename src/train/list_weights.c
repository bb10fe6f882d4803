/* What could learn, by name. */
#include <stdlib.h>

#include "base/text.h"
#include "secondlook_train.h"
#include "train/student.h"

sl_status sl_train_list_weights(const char *models_dir, const char *model, char **lines, sl_error *err)
{
    sl_student s;
    sl_text text = {0};
    *lines = NULL;
    const sl_train_options all = {.models_dir = models_dir, .model = model, .batch = 1};
    SL_TRY(sl_student_open(&all, &s, err));
    for (int i = 0; i < s.n_learning; i++) {
        const sl_shape *shape = &s.net->tensors[sl_graph_find(s.net, s.learning[i])].shape;
        sl_text_add(&text, "%s [", s.learning[i]);
        for (int d = 0; d < shape->rank; d++)
            sl_text_add(&text, "%s%lld", d ? "," : "", (long long)shape->dim[d]);
        sl_text_add(&text, "]\n");
    }
    sl_student_close(&s);
    if (text.failed) {
        free(text.data);
        return sl_no_memory(err, "for the names of weights");
    }
    *lines = text.data;
    return SL_OK;
}
