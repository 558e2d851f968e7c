/* What is in the folder of a run. */
#ifndef SWEEP_FOLDER_H
#define SWEEP_FOLDER_H

#include "command/sweep/plan.h"

/* With those above it; one that is there already is fine. */
graft_status sweep_make_folder(cli *c, const char *folder);

/* FOLDER/NAME in text; false when it is too long. */
bool sweep_run_path(const sweep_run *run, const char *name, char *text, size_t size);

/* An error when the folder was made with settings other than the run's; of a backbone and images at
 * another path, their contents count. */
graft_status sweep_run_check(cli *c, const sweep_plan *plan, const sweep_run *run);

/* Reads what a finished run left; state becomes SWEEP_DONE if all is there. */
void sweep_run_load(sweep_run *run);

/* The learning rate of a run that was told one, or began: a recipe's is in what it left. 0: not
 * known. */
double sweep_run_rate(const sweep_run *run);

/* Keeps in mind that training took so long before it was stopped; it counts when it is done. */
void sweep_run_add_seconds(const sweep_run *run, double seconds);

#endif
