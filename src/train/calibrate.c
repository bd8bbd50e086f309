#include "train/calibrate.h"

#include <math.h>
#include <string.h>

double ink_cross_entropy(const float *logits, const uint8_t *labels, size_t count, size_t classes,
                         double temperature)
{
    double loss = 0;
    for (size_t i = 0; i < count; i++, logits += classes) {
        const double most = (double)logits[ink_argmax(logits, classes)];
        double sum = 0;
        for (size_t c = 0; c < classes; c++)
            sum += exp(((double)logits[c] - most) / temperature);
        loss += log(sum) - ((double)logits[labels[i]] - most) / temperature;
    }
    return loss / (double)count;
}

double ink_temperature(const float *logits, const uint8_t *labels, size_t count, size_t classes)
{
    const double golden = 0.6180339887498949;
    double low = -log(8), high = log(8), a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = ink_cross_entropy(logits, labels, count, classes, exp(a));
    double at_b = ink_cross_entropy(logits, labels, count, classes, exp(b));
    while (high - low > 1e-4) {
        if (at_a <= at_b) {
            high = b, b = a, at_b = at_a;
            a = high - golden * (high - low);
            at_a = ink_cross_entropy(logits, labels, count, classes, exp(a));
        } else {
            low = a, a = b, at_a = at_b;
            b = low + golden * (high - low);
            at_b = ink_cross_entropy(logits, labels, count, classes, exp(b));
        }
    }
    const double t = exp((low + high) / 2);
    return ink_cross_entropy(logits, labels, count, classes, t) <
                   ink_cross_entropy(logits, labels, count, classes, 1) ? t : 1;
}

const ink_node *ink_logits_maker(const ink_tape *tape)
{
    const ink_graph *graph = tape->graph;
    for (uint32_t at = tape->logits; at; at = graph->nodes[at - 1].inputs[0]) {
        const ink_node *node = &graph->nodes[at - 1];
        size_t uses = 0;
        for (size_t i = 0; i < tape->logits; i++)
            for (uint32_t k = 0; k < graph->nodes[i].input_count; k++)
                uses += graph->nodes[i].inputs[k] == at;
        if (uses > 1 || (uses && at == tape->logits))
            return NULL;
        if (node->op == &ink_op_conv2d || node->op == &ink_op_dense)
            return node;
        if (node->op != &ink_op_flatten && node->op != &ink_op_reshape && node->op != &ink_op_permute &&
            node->op != &ink_op_dropout)
            return NULL;
    }
    return NULL;
}

void ink_divide_weights(const ink_node *maker, ink_graph *graph, double temperature)
{
    for (size_t i = 0; i < maker->op->parameter_count; i++)
        for (size_t k = 0; maker->parameters[i] && k < graph->tensor_count; k++)
            if (!strcmp(graph->tensors[k].name, maker->parameters[i]->name)) {
                float *floats = (float *)(uintptr_t)graph->tensors[k].data;
                for (size_t n = 0; n < (size_t)graph->tensors[k].bytes / sizeof *floats; n++)
                    floats[n] = (float)(floats[n] / temperature);
            }
}
