"""Optimizers under Tensor2Tensor's names, built from hparams.

A registered optimizer is a function of a learning rate (a float or a schedule) and hparams that returns a Keras
optimizer; `from_hparams` adds the schedule, clipping, weight decay and noise that hparams set.
"""

from typing import Any

import keras

from tensor2keras import registry
from tensor2keras.hparams import HParams
from tensor2keras.optimizers.adafactor import Adafactor
from tensor2keras.optimizers.adam import Adam, AdamW, MultistepAdam
from tensor2keras.optimizers.gradients import SGD, Adagrad, Ftrl, GradientTransforms, RMSprop
from tensor2keras.optimizers.schedules import learning_rate_schedule
from tensor2keras.optimizers.yellow_fin import YellowFin


def _adam_arguments(hparams: HParams) -> dict[str, float]:
    return {
        "beta_1": hparams.optimizer_adam_beta1,
        "beta_2": hparams.optimizer_adam_beta2,
        "epsilon": hparams.optimizer_adam_epsilon,
    }


@registry.register_optimizer
def adam(learning_rate: Any, hparams: HParams) -> Adam:
    """Adam."""
    return Adam(learning_rate, **_adam_arguments(hparams))


@registry.register_optimizer
def true_adam(learning_rate: Any, hparams: HParams) -> Adam:
    """Adam; T2T's "adam" was lazy Adam."""
    return Adam(learning_rate, **_adam_arguments(hparams))


@registry.register_optimizer
def amsgrad(learning_rate: Any, hparams: HParams) -> Adam:
    """Adam whose second moment never decreases (AMSGrad)."""
    return Adam(learning_rate, amsgrad=True, **_adam_arguments(hparams))


@registry.register_optimizer
def adam_w(learning_rate: Any, hparams: HParams) -> AdamW:
    """Adam with decoupled weight decay."""
    return AdamW(learning_rate, decay=hparams.weight_decay, **_adam_arguments(hparams))


@registry.register_optimizer
def multistep_adam(learning_rate: Any, hparams: HParams) -> MultistepAdam:
    """Adam with gradients averaged over optimizer_multistep_accumulate_steps steps."""
    steps = hparams.optimizer_multistep_accumulate_steps or 1
    return MultistepAdam(learning_rate, accumulate_steps=steps, **_adam_arguments(hparams))


@registry.register_optimizer
def adafactor(learning_rate: Any, hparams: HParams) -> Adafactor:
    """Adafactor: second moments factored into rows and columns."""
    return Adafactor(
        learning_rate,
        multiply_by_parameter_scale=hparams.optimizer_adafactor_multiply_by_parameter_scale,
        decay_type=hparams.optimizer_adafactor_decay_type,
        memory_exponent=hparams.optimizer_adafactor_memory_exponent,
        beta2=hparams.optimizer_adafactor_beta2,
        beta1=hparams.optimizer_adafactor_beta1,
        clipping_threshold=hparams.optimizer_adafactor_clipping_threshold,
        factored=hparams.optimizer_adafactor_factored,
    )


@registry.register_optimizer
def momentum(learning_rate: Any, hparams: HParams) -> SGD:
    """Gradient descent with momentum, Nesterov's if optimizer_momentum_nesterov."""
    return SGD(
        learning_rate, momentum=hparams.optimizer_momentum_momentum, nesterov=hparams.optimizer_momentum_nesterov
    )


@registry.register_optimizer
def yellow_fin(learning_rate: Any, hparams: HParams) -> YellowFin:
    """Momentum gradient descent with tuned learning rate and momentum."""
    return YellowFin(learning_rate, momentum=hparams.optimizer_momentum_momentum)


@registry.register_optimizer
def sgd(learning_rate: Any, hparams: HParams) -> SGD:
    """Plain gradient descent."""
    return SGD(learning_rate)


@registry.register_optimizer
def adagrad(learning_rate: Any, hparams: HParams) -> Adagrad:
    """Adagrad."""
    return Adagrad(learning_rate)


@registry.register_optimizer
def rms_prop(learning_rate: Any, hparams: HParams) -> RMSprop:
    """RMSProp."""
    return RMSprop(learning_rate)


@registry.register_optimizer
def ftrl(learning_rate: Any, hparams: HParams) -> Ftrl:
    """Follow the regularised leader."""
    return Ftrl(learning_rate)


def from_hparams(hparams: HParams) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a hyperparameter set with its learning-rate schedule, clipping, weight decay and noise.

    Reads `optimizer` (a registered name; T2T's old spellings such as "RMSProp" work), `optimizer_*`, `clip_grad_norm`,
    `weight_decay` (L2 regularisation of all but biases, which is not part of the reported loss), `grad_noise_scale`,
    `weight_noise`, and the hparams of `learning_rate_schedule`.

    Raises:
        KeyError: unknown optimizer, with the closest names.
        ValueError: unknown schedule; or weight decay or noise for an optimizer without `GradientTransforms`.
    """
    optimizer = registry.optimizer(hparams.optimizer)(learning_rate_schedule(hparams), hparams)
    if hparams.clip_grad_norm:
        optimizer.global_clipnorm = hparams.clip_grad_norm
    transforms = {
        "l2": hparams.weight_decay or 0.0,
        "gradient_noise": hparams.grad_noise_scale or 0.0,
        "weight_noise": hparams.weight_noise or 0.0,
    }
    if isinstance(optimizer, GradientTransforms):
        for name, value in transforms.items():
            setattr(optimizer, name, value)
    elif any(transforms.values()):
        asked = ", ".join(f"{name}={value}" for name, value in transforms.items() if value)
        raise ValueError(
            f"optimizer {hparams.optimizer!r} cannot apply {asked}: derive {type(optimizer).__name__} from "
            "tensor2keras.optimizers.GradientTransforms, or set weight_decay, grad_noise_scale and weight_noise to 0"
        )
    return optimizer
