/** @file Pre-training and fine-tuning: data sets, collators, optimizers, schedules, metrics and the training loop. */
