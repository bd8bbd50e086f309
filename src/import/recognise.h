/* Which of the guesses at a network is right: the one that reads labelled pictures. */
#ifndef INK_RECOGNISE_H
#define INK_RECOGNISE_H

#include "import/chain.h"
#include "import/draft.h"

/* Pictures to judge by: bytes [count, side, side], white ink on black, and what each is. */
typedef struct ink_evidence {
    const uint8_t *pixels, *labels;
    size_t count;
    uint32_t side;
    bool scaling_known; /* x = pixel * scale + offset need not be judged */
    double scale, offset;
} ink_evidence;

typedef struct ink_recognised {
    ink_chain_guess guess;
    ink_chain_style style;
    size_t correct; /* of the evidence's pictures */
    double loss;    /* their mean cross-entropy: of a guess, with logits multiplied by what makes it smallest; of a
                     * scaling, as it is, with the scaling's handicap */
    char rivals[200]; /* activations that read the pictures about as well as the one that was taken */
    size_t tried;   /* guesses and styles */
    ink_buffer text; /* the network; the caller closes it */
} ink_recognised;

/* Tries guesses, activations, pools and ways to scale a pixel, and takes what has the smallest loss; what is not usual
 * only where it is clearly better. A text with rivals has a remark that tells them.
 * Errors: INK_ERR_GRAPH, with a draft of a --graph file in `found->text`, where no guess fits the sizes or none
 * reads nine of ten pictures; INK_ERR_MEMORY. */
ink_status ink_recognise(const ink_chain *chain, const ink_weight *weights, size_t count, const ink_evidence *evidence,
                         const ink_allocator *allocator, ink_recognised *found, ink_error *error);

/* What becomes of a pixel does not stand in most files: of the usual ways, the one whose loss is smallest, into
 * `found->style`. Where the pictures cannot judge, or half of them are misread in every way, it is pixel / 255, and
 * `found->correct` is 0. Errors: those of running the network. */
ink_status ink_recognise_scaling(const ink_draft *draft, uint32_t classes, const ink_evidence *evidence,
                                 const ink_allocator *allocator, ink_recognised *found, ink_error *error);

#endif
