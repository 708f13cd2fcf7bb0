// A small hand-made run, with text in it that means something to HTML.
#ifndef TESTS_RL_REPORT_RUN_H
#define TESTS_RL_REPORT_RUN_H

static const char metrics[] =
    "{\"phase\":\"config\",\"method\":\"dynamo\",\"data\":\"folder/<i>sums"
    "\",\"model\":\"some/folder/tiny\",\"allocation\":\"method\",\"parameters\":1234567,\"seed\":7}\n"
    "{\"phase\":\"sft\",\"step\":1,\"loss\":2.5,\"grad_norm\":1.5,\"sec_total\":2}\n"
    "{\"phase\":\"sft\",\"step\":2,\"loss\":1.5,\"heldout_pass1\":0.1,\"pass_hist\":[40,10,10,10,5,5,5,5,5,5,0]}\n"
    "{\"phase\":\"rl\",\"step\":0,\"reward\":0.25,\"entropy\":0.9,\"heldout_pass1\":0.2,\"heldout_low\":0.15,"
    "\"heldout_high\":0.25,\"n_hist\":{\"8\":3,\"24\":1},\"alloc_by_pass\":[[2,16],[0,0],[0,0],[0,0],[0,0],[2,32],[0,0]"
    ","
    "[0,0],[0,0],[0,0],[0,0]],\"sec_generate\":3,\"sec_verify\":1,\"sec_update\":2,\"sec_total\":7,\"tokens\":1000,"
    "\"tokens_per_s\":142.9,\"verdicts\":{\"correct\":1,\"<b>odd\":3}}\n"
    "{\"phase\":\"rl\",\"step\":1,\"reward\":0.5,\"entropy\":0.8,\"zero_spread\":0.5,\"clip_frac\":0.01,\"kl_old\":1e-"
    "6}\n"
    "{\"phase\":\"rl\",\"step\":1,\"reward\":0.75,\"entropy\":0.7,\"zero_spread\":0.25,\"clip_frac\":0.02,\"kl_old\":"
    "2e-6,"
    "\"heldout_pass1\":0.625,\"heldout_low\":0.6,\"heldout_high\":0.65,\"b_comp_mean\":1.2,\"b_stab_mean\":0.99,"
    "\"b_stab_low\":0.01,\"ratio_max\":1.1,\"logprob_diff_max\":0,\"response_length\":20.5,\"worked\":0.9,"
    "\"truncated\":0.1}\n";

static const char rollouts[] =
    "{\"step\":0,\"prompt_id\":123456,\"rollout\":0,\"prompt\":\"</pre><script>alert(1)</script> "
    "2+2?\",\"gold\":\"4\\\"'&\","
    "\"reward\":1,\"verdict\":\"correct\",\"advantage\":1.5,\"tokens\":[{\"text\":\"<img onerror=x>\",\"logp\":-0.25,"
    "\"entropy\":0.5,\"b_comp\":1.2,\"b_stab\":0.9,\"advantage\":1.62},{\"text\":\"\xff\xc0\xaf\xed\xa0\x80|\xe2\x82\","
    "\"advantage\":0.1},{\"text\":\"a\\nb\\u202e\\u0007\",\"advantage\":0}]}\n"
    "{\"step\":0,\"prompt_id\":123456,\"rollout\":1,\"prompt\":\"2+2?\",\"gold\":\"4\",\"reward\":0,\"verdict\":"
    "\"wrong<\","
    "\"advantage\":-1.5,\"tokens\":[{\"text\":\"5\",\"advantage\":-1.5}]}\n"
    "{\"step\":1,\"prompt_id\":123456,\"rollout\":0,\"prompt\":\"2+2?\",\"gold\":\"4\",\"reward\":1,\"advantage\":0,"
    "\"tokens\":[]}\n";

#endif
