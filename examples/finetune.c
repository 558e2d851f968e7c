/* Fine-tunes a backbone on a folder of images: the whole of graft in one call.
 *
 *     finetune BACKBONE DATA OUT
 */
#include <graft/graft.h>

#include <stdio.h>

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: finetune BACKBONE DATA OUT\n");
        return 2;
    }
    graft_log_params messages = {.callback = print_message, .level = GRAFT_LOG_WARN};
    graft_log *log = graft_log_create(&messages);
    graft_device *device = NULL;
    graft_status status = graft_device_open(log, "auto", NULL, &device);
    if (status == GRAFT_OK) {
        graft_train_params params;
        graft_train_result result;
        graft_train_defaults(&params);
        params.backbone = argv[1];
        params.data = argv[2];
        params.out = argv[3];
        params.method = "convpass";
        status = graft_train(log, device, &params, &result);
        if (status == GRAFT_OK)
            printf("%.1f %% with %lld trained parameters\n", 100.0 * result.accuracy,
                   (long long)result.trainable);
    }
    graft_device_close(&device);
    graft_log_destroy(&log);
    return status != GRAFT_OK;
}
