/* All recipes, in the order in which they are listed. */
GR_RECIPE(convpass)
GR_RECIPE(rlrr)
GR_RECIPE(freqfit)
GR_RECIPE(ssf)
GR_RECIPE(vpt)
GR_RECIPE(adaptformer)
GR_RECIPE(noah)
