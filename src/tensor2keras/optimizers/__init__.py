"""Optimizers and learning-rate schedules, and their construction from hparams."""

from tensor2keras.optimizers.adafactor import Adafactor, AdafactorSchedule
from tensor2keras.optimizers.adam import Adam, AdamW, MultistepAdam
from tensor2keras.optimizers.by_name import from_hparams
from tensor2keras.optimizers.gradients import SGD, Adagrad, Ftrl, GradientTransforms, RMSprop
from tensor2keras.optimizers.schedules import ComposedSchedule, Settings, learning_rate_schedule
from tensor2keras.optimizers.yellow_fin import YellowFin
