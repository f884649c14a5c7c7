"""Running a metric the ways the trainer does: eagerly, and inside a compiled step."""

import keras


def evaluate(name, *batches):
    """The figure after batches of (y_true, y_pred) or (y_true, y_pred, sample_weight)."""
    from tensor2keras import metrics

    metric = metrics.get(name)
    for batch in batches:
        metric.update_state(*batch)
    return float(metric.result())


def evaluate_compiled(name, *batches):
    """The same with the backend's compiler: tf.function with unknown batch and length, or jax.jit; eager elsewhere."""
    from tensor2keras import metrics

    metric = metrics.get(name)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        shapes = [[None, None, *array.shape[2:]][: array.ndim] for array in batches[0]]
        signature = [tf.TensorSpec(shape, array.dtype) for shape, array in zip(shapes, batches[0], strict=True)]
        update = tf.function(metric.update_state, input_signature=signature)
        for batch in batches:
            update(*batch)
        return float(metric.result())
    if keras.backend.backend() == "jax":
        import jax

        update = jax.jit(metric.stateless_update_state)
        state = metric.variables
        for batch in batches:
            state = update([getattr(variable, "value", variable) for variable in state], *batch)
        return float(metric.stateless_result(state))
    return evaluate(name, *batches)
