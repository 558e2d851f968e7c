"""Models of the geometries that are published, made by timm and transformers with random weights:
graft computes the same logits. Skipped where a library is not installed."""
import unittest

from layouts import LayoutTest
from libraries import CLASSES, main, randomize, swin_family, timm, transformers


class Published(LayoutTest):
    """On the best device: the reference would take minutes."""
    size = 224
    count = 2
    device = "auto"


@unittest.skipUnless(timm, "timm is not installed")
class Timm(Published):
    def make(self, name, **options):
        """Without timm's own random weights, which take longer than everything else."""
        options.setdefault("num_classes", CLASSES)
        return randomize(timm.create_model(name, weight_init="skip", **options))

    def vit(self, name):
        self.check_model(self.make(name), "timm ViT")

    def swin(self, name):
        model = self.make(name)
        self.check_model(model, swin_family(model))

    def test_vit_base(self):
        self.vit("vit_base_patch16_224")

    def test_vit_base_of_larger_patches(self):
        self.vit("vit_base_patch32_224")

    def test_vit_base_of_larger_images(self):
        self.make_images(384)
        self.vit("vit_base_patch16_384")

    def test_vit_large(self):
        self.check_half(self.make("vit_large_patch16_224"), "timm ViT")

    def test_vit_huge(self):
        self.check_half(self.make("vit_huge_patch14_224"), "timm ViT")

    def test_deit_small(self):
        self.vit("deit_small_patch16_224")

    def test_swin_tiny(self):
        self.swin("swin_tiny_patch4_window7_224")

    def test_swin_small(self):
        self.swin("swin_small_patch4_window7_224")

    def test_swin_base(self):
        self.swin("swin_base_patch4_window7_224")

    def check_named(self, name, family, *options, **arguments):
        """Nothing beside the file: the geometry tells the heads."""
        if not timm.list_models(name):
            self.skipTest("this timm has no " + name)
        model = randomize(timm.create_model(name, num_classes=CLASSES, **arguments))
        path = self.save(model.state_dict())
        self.check_family(path, family)
        self.check_logits(self.compute(model), "--backbone", path, *options)

    def test_distilled_deit(self):
        self.check_named("deit_base_distilled_patch16_224", "distilled DeiT")

    def test_dinov2_with_registers(self):
        self.check_named("vit_small_patch14_reg4_dinov2", "timm ViT", img_size=224)

    def test_beit(self):
        self.check_named("beit_base_patch16_224", "timm BEiT")

    def test_beitv2(self):
        self.check_named("beitv2_base_patch16_224", "timm BEiT")

    def test_eva02(self):
        self.check_named("eva02_tiny_patch14_224", "timm EVA")
        self.check_named("eva02_base_patch14_224", "timm EVA02")

    def test_siglip(self):
        self.check_named("vit_base_patch16_siglip_224", "timm SigLIP")

    def test_dinov3(self):
        for name in ("vit_small_patch16_dinov3", "vit_small_plus_patch16_dinov3"):
            self.check_named(name, "timm DINOv3", "--image-size", "224", global_pool="token")

    def test_jax(self):
        self.check_jax(self.make("vit_base_patch16_224"))

    def test_mae(self):
        self.check_mae(self.make("vit_base_patch16_224", num_classes=0, global_pool="avg"))

    def test_mae_fine_tuned(self):
        self.check_model(self.make("vit_base_patch16_224", global_pool="avg"),
                         "timm ViT with mean pooling")

    def test_moco(self):
        self.check_moco(self.make("vit_base_patch16_224", num_classes=0))


@unittest.skipUnless(transformers, "transformers is not installed")
class Transformers(Published):
    """What a configuration of transformers does not tell is ViT-B/16 or Swin-T."""
    clip = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
            "intermediate_size": 3072, "image_size": 224, "patch_size": 16, "projection_dim": 512}

    def test_vit_base(self):
        config = transformers.ViTConfig(num_labels=CLASSES)
        self.check_model(randomize(transformers.ViTForImageClassification(config)),
                         "transformers ViT", config)

    def test_swin_tiny(self):
        config = transformers.SwinConfig(num_labels=CLASSES)
        self.check_model(randomize(transformers.SwinForImageClassification(config)),
                         "transformers Swin", config)

    def test_clip_base(self):
        self.check_clip(self.clip)

    def test_openai_clip_base(self):
        self.check_clip(self.clip, openai=True)


if __name__ == "__main__":
    main()
