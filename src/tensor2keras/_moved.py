"""Earlier import paths of modules that have moved: `from tensor2keras.data.translate import ...` still works."""

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType

MOVED = {  # within tensor2keras
    "data.translate": "data.translation.wmt",
    "data.number_words": "data.translation.number_words",
    "data.enwik8": "data.language_model.enwik8",
    "data.lm1b": "data.language_model.lm1b",
    "data.wiki_lm": "data.language_model.wiki_lm",
    "data.word_lm": "data.language_model.word_lm",
    "data.glue": "data.classification.glue",
    "data.imdb": "data.classification.imdb",
    "data.cnn_dailymail": "data.summarization.cnn_dailymail",
    "data.squad": "data.question_answering.squad",
    "data.babi_qa": "data.question_answering.babi_qa",
    "data.algorithmic_math": "data.algorithmic.algorithmic_math",
    "data.librispeech": "data.speech.librispeech",
    "data.common_voice": "data.speech.common_voice",
    "data.cifar": "data.images.cifar",
    "data.celeba": "data.images.celeba",
    "data.imagenet": "data.images.imagenet",
    "data.mnist": "data.images.mnist",
    "data.image_digits": "data.images.image_digits",
    "data.user_images": "data.user_files.images",
    "data.encoder_base": "data.text_encoder.base",
    "data.sentencepiece_encoder": "data.text_encoder.sentencepiece",
    "data.subword_vocabulary": "data.text_encoder.subword_vocabulary",
    "data.tokenizer": "data.text_encoder.tokenizer",
    "data.buckets": "data.batching.buckets",
    "data.packing": "data.batching.packing",
    "layers.attention_weights": "layers.attention.core",
    "layers.relative_attention": "layers.attention.relative",
    "layers.local_attention": "layers.attention.local",
    "layers.area_attention": "layers.attention.area",
    "layers.compressed_attention": "layers.attention.compressed",
    "layers.expert_attention": "layers.attention.expert",
    "layers.image_attention": "layers.attention.image",
    "layers.image_modality": "layers.modality.image",
    "layers.speech_modality": "layers.modality.speech",
    "decoding.compiled": "backend.operations",
    "metrics.connectionist": "metrics.ctc",
    "models.transformer_hparams": "models.transformer.hparams",
    "models.universal_transformer_hparams": "models.universal_transformer.hparams",
    "models.image_transformer_hparams": "models.image_transformer.hparams",
    "models.image_transformer_2d": "models.image_transformer.image_transformer_2d",
    "models.image_transformer_2d_hparams": "models.image_transformer.hparams_2d",
    "models.resnet_hparams": "models.resnet.hparams",
}


class _MovedFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the module at its new path to whoever imports it by an earlier one."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        package, _, module = name.partition(".")
        if package != __package__ or module not in MOVED:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=MOVED[module])

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{__package__}.{spec.origin}")
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec  # which the import system replaced; the module has run already


def install() -> None:
    """Makes earlier import paths work in this process."""
    if not any(isinstance(finder, _MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(_MovedFinder())
