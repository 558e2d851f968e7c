/* All methods, in the order in which they act where several meet at one point. */
GR_METHOD(linear)
GR_METHOD(full)
GR_METHOD(bitfit)
GR_METHOD(freqfit)
GR_METHOD(rlrr)
GR_METHOD(lora)
GR_METHOD(convpass)
GR_METHOD(convpass_attn)
