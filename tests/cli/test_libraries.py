"""Small models made by timm and transformers with random weights: graft reads what they save, and
the same weights in the files of other codes, and computes the same logits. Skipped where a library
is not installed."""
import json
import unittest
from functools import partial

from layouts import LayoutTest, transformers_dinov3
from libraries import CLASSES, main, randomize, swin_family, timm, torch, torchvision, transformers

IMAGE = LayoutTest.size
has_dinov3 = timm and timm.__version__ >= "1.0.20"
has_registers = timm and timm.__version__ >= "0.9"


@unittest.skipUnless(timm, "timm is not installed")
class Timm(LayoutTest):
    def vit(self, **options):
        from timm.models.vision_transformer import VisionTransformer
        geometry = {"embed_dim": 128, "depth": 3, "num_heads": 2, "num_classes": CLASSES, **options}
        return randomize(VisionTransformer(img_size=IMAGE, patch_size=16, **geometry))

    def swin(self, depths):
        from timm.models.swin_transformer import SwinTransformer
        return randomize(SwinTransformer(img_size=IMAGE, patch_size=4, embed_dim=16, depths=depths,
                                         num_heads=(1, 2, 4), window_size=4, num_classes=CLASSES))

    def test_vit(self):
        self.check_model(self.vit(), "timm ViT")

    def test_vit_in_half_precision(self):
        self.check_half(self.vit(), "timm ViT")

    def test_vit_with_mean_pooling(self):
        self.check_model(self.vit(global_pool="avg"), "timm ViT with mean pooling")

    def test_dinov2(self):
        self.check_model(self.vit(init_values=1e-5), "timm ViT")

    @unittest.skipUnless(has_registers, "this timm has no registers")
    def test_dinov2_with_registers(self):
        self.check_model(self.vit(init_values=1e-5, reg_tokens=4, no_embed_class=True), "timm ViT")

    @unittest.skipUnless(has_registers, "this timm has no packed SwiGLU")
    def test_dinov2_with_swiglu(self):
        from timm.layers import SwiGLUPacked
        self.check_model(self.vit(init_values=1e-5, mlp_layer=SwiGLUPacked,
                                  act_layer=torch.nn.SiLU), "timm ViT")

    @unittest.skipUnless(has_registers, "this timm has no class tokens without positions")
    def test_deit3(self):
        self.check_model(self.vit(init_values=1e-6, no_embed_class=True), "timm ViT")

    def test_distilled_deit(self):
        from timm.models.deit import VisionTransformerDistilled
        model = VisionTransformerDistilled(img_size=IMAGE, patch_size=16, embed_dim=128, depth=3,
                                           num_heads=2, num_classes=CLASSES)
        self.check_model(randomize(model), "distilled DeiT")

    def beit(self, **options):
        from timm.models.beit import Beit
        return randomize(Beit(img_size=IMAGE, patch_size=16, embed_dim=64, depth=2, num_heads=4,
                              num_classes=CLASSES, use_abs_pos_emb=False, **options))

    def test_beit(self):
        self.check_model(self.beit(use_rel_pos_bias=True, init_values=0.1), "timm BEiT")

    def test_beit_with_shared_positions(self):
        self.check_model(self.beit(use_shared_rel_pos_bias=True, global_pool="token"),
                         "timm BEiT with shared positions")

    def eva(self, **options):
        from timm.models.eva import Eva
        return randomize(Eva(img_size=IMAGE, patch_size=16, embed_dim=64, depth=2, num_heads=4,
                             num_classes=CLASSES, **options))

    @unittest.skipUnless(has_registers, "this timm has no SigLIP")
    def test_siglip(self):
        self.check_model(self.vit(class_token=False, global_pool="map"), "timm SigLIP")

    @unittest.skipUnless(has_registers, "this timm has no EVA02")
    def test_eva02(self):
        base = dict(swiglu_mlp=True, use_rot_pos_emb=True, ref_feat_shape=(16, 16))
        self.check_model(self.eva(**base), "timm EVA")  # as the small ones are
        self.check_model(self.eva(qkv_fused=False, scale_mlp=True, **base), "timm EVA02")
        self.check_model(self.eva(qkv_fused=False, scale_mlp=True, scale_attn_inner=True,
                                  global_pool="token", **base), "timm EVA02")

    @unittest.skipUnless(has_registers, "this timm has no EVA")
    def test_eva(self):
        self.check_model(self.eva(), "timm EVA")

    @unittest.skipUnless(has_dinov3, "this timm has no DINOv3")
    def test_dinov3(self):
        base = dict(qkv_bias=False, init_values=1, rope_type="dinov3", rope_temperature=100,
                    rope_rotate_half=True, use_rot_pos_emb=True, use_abs_pos_emb=False,
                    num_reg_tokens=4, use_fc_norm=False, global_pool="token",
                    dynamic_img_size=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-5))
        self.check_dinov3(self.eva(**base), "DINOv3")
        self.check_dinov3(self.eva(swiglu_mlp=True, swiglu_align_to=8, **base),
                          "DINOv3 with SwiGLU")

    def check_dinov3(self, model, family):
        """Also in the names of transformers, which has it from 4.56 on."""
        size = ["--image-size", str(IMAGE)]
        logits = self.compute(model)
        path = self.save(model.state_dict(), config=4)
        self.check_family(path, "timm DINOv3")
        self.check_logits(logits, "--backbone", path, *size)
        path = self.save(transformers_dinov3(model.state_dict()), "hf/model.safetensors")
        self.check_logits(logits, "--backbone", path, "--heads", "4", *size)
        self.assertEqual(json.loads(self.works("inspect", path, "--json"))["family"],
                         "transformers " + family)

    def test_vit_without_qkv_bias(self):
        self.check_model(self.vit(qkv_bias=False), "timm ViT")

    @unittest.skipUnless(has_registers, "this timm has no ViT without a class token")
    def test_vit_without_class_token(self):
        self.check_model(self.vit(class_token=False, global_pool="avg"),
                         "timm ViT with mean pooling")

    @unittest.skipUnless(has_registers, "this timm has no ViT without a class token")
    def test_vit_without_class_token_and_last_norm(self):
        self.check_model(self.vit(class_token=False, global_pool="avg", fc_norm=False), "timm ViT")

    def test_swin(self):
        model = self.swin((2, 2, 1))
        self.check_model(model, swin_family(model))

    def test_jax(self):
        self.check_jax(self.vit())

    def test_mae(self):
        self.check_mae(self.vit(global_pool="avg", num_classes=0))

    def test_moco(self):
        """Always 12 heads, here of 8 channels."""
        self.check_moco(self.vit(embed_dim=96, num_heads=12, num_classes=0))


@unittest.skipUnless(torchvision, "torchvision is not installed")
class Torchvision(LayoutTest):
    def test_vit(self):
        model = randomize(torchvision.models.VisionTransformer(
            image_size=IMAGE, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64,
            num_classes=CLASSES))
        path = self.save(model.state_dict())
        logits = self.compute(model)
        self.check_logits(logits, "--backbone", path, "--heads", "2")
        names = {name.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): value
                 for name, value in model.state_dict().items()}
        self.check_logits(logits, "--backbone", self.save(names), "--heads", "2")


@unittest.skipUnless(transformers, "transformers is not installed")
class Transformers(LayoutTest):
    small = {"hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 3,
             "intermediate_size": 160, "image_size": IMAGE, "patch_size": 16}
    clip = dict(small, projection_dim=48)

    def test_vit(self):
        config = transformers.ViTConfig(num_labels=CLASSES, **self.small)
        self.check_model(randomize(transformers.ViTForImageClassification(config)),
                         "transformers ViT", config)

    def check_dinov2(self, family, **options):
        if not hasattr(transformers, "Dinov2Model"):
            self.skipTest("no DINOv2 in this transformers")
        geometry = {k: v for k, v in self.small.items() if k != "intermediate_size"}
        config = transformers.Dinov2Config(mlp_ratio=2, **geometry, **options)
        model = randomize(transformers.Dinov2Model(config))
        self.check_encoder(self.save(model.state_dict(), config=config), family,
                           self.compute(lambda x: model(x).last_hidden_state[:, 0]))

    def test_dinov2(self):
        self.check_dinov2("transformers DINOv2")

    def test_dinov2_with_swiglu(self):
        self.check_dinov2("transformers DINOv2 with SwiGLU", use_swiglu_ffn=True)

    def test_distilled_deit(self):
        config = transformers.DeiTConfig(num_labels=CLASSES, **self.small)
        model = randomize(transformers.DeiTForImageClassificationWithTeacher(config))
        self.check_model(model, "transformers ViT", config)

    @unittest.skipUnless(hasattr(transformers, "SiglipVisionModel"), "no SigLIP there")
    def test_siglip(self):
        config = transformers.SiglipVisionConfig(**self.small)
        model = randomize(transformers.SiglipVisionModel(config))
        path = self.save(model.state_dict(), config=config)
        self.check_encoder(path, "transformers SigLIP",
                           self.compute(lambda x: model(x).pooler_output))

    @unittest.skipUnless(hasattr(transformers, "SiglipForImageClassification"), "no SigLIP there")
    def test_siglip_with_a_classifier(self):
        config = transformers.SiglipConfig(vision_config=self.small, num_labels=CLASSES)
        model = randomize(transformers.SiglipForImageClassification(config))
        path = self.save(model.state_dict(), config=config)  # 4.40 leaves out the first patch
        mean = self.compute(lambda x: model.vision_model(x).last_hidden_state.mean(1))
        self.check_classifier(path, "transformers SigLIP with a classifier",
                              self.compute(lambda x: model.classifier(mean)))

    def check_beit(self, **options):
        config = transformers.BeitConfig(num_labels=CLASSES, **self.small, **options)
        model = randomize(transformers.BeitForImageClassification(config))
        self.check_model(model, "transformers BEiT", config)

    def test_beit(self):
        self.check_beit(use_relative_position_bias=True)

    def test_beit_with_shared_positions(self):
        self.check_beit(use_shared_relative_position_bias=True, use_absolute_position_embeddings=True)

    def test_swin(self):
        config = transformers.SwinConfig(image_size=IMAGE, patch_size=4, embed_dim=16,
                                         depths=[2, 2], num_heads=[1, 2], window_size=4,
                                         num_labels=CLASSES)
        self.check_model(randomize(transformers.SwinForImageClassification(config)),
                         "transformers Swin", config)

    def test_clip(self):
        self.check_clip(self.clip)

    def test_clip_with_another_activation(self):
        self.check_clip(self.clip, activation="gelu")

    def test_openai_clip(self):
        self.check_clip(self.clip, openai=True)

    def test_open_clip_with_another_activation(self):
        self.check_clip(self.clip, activation="gelu", openai=True)


if __name__ == "__main__":
    main()
