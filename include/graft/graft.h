/* All public headers of graft. */
#ifndef GRAFT_GRAFT_H
#define GRAFT_GRAFT_H

#include <graft/adapter.h>
#include <graft/analyze.h>
#include <graft/backbone.h>
#include <graft/buffer.h>
#include <graft/data.h>
#include <graft/device.h>
#include <graft/graph.h>
#include <graft/inspect.h>
#include <graft/io.h>
#include <graft/log.h>
#include <graft/methods.h>
#include <graft/model.h>
#include <graft/onnx.h>
#include <graft/ops.h>
#include <graft/params.h>
#include <graft/peak.h>
#include <graft/peft.h>
#include <graft/program.h>
#include <graft/ranks.h>
#include <graft/recipe.h>
#include <graft/search.h>
#include <graft/selftest.h>
#include <graft/settings.h>
#include <graft/span.h>
#include <graft/status.h>
#include <graft/train.h>
#include <graft/trainer.h>
#include <graft/version.h>

#endif
