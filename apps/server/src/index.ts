/** @file Stagecoach from TypeScript: an encoder inside of a program, and the gateway that the `stagecoach` command runs. */
export { loadSettings, SettingsError } from "./config/loadSettings.ts";
export type { ServeSettings } from "./config/settings.ts";
export { EmptyInputError, InvalidInputError } from "./embedding/errors.ts";
export type { TextInput } from "./embedding/embedder.ts";
export { loadEncoder, type EncodeOptions, type Encoder, type LoadEncoderOptions } from "./encoder/loadEncoder.ts";
export { startGateway, type Gateway, type GatewayControls } from "./gateway/startGateway.ts";
