/** The listener: TLS, limits, request ids, health and drain. It knows no use case. */
export { type AppOptions, createApp, isLoopback, plainAddress, sendJson } from './app.ts';
export { readBody } from './body.ts';
export { contextOf, type RequestContext, type RequestLine } from './context.ts';
export { type JsonObject, type JsonValue, parseStrictJson } from './json.ts';
export { listen, type Listener, type ListenerOptions } from './listener.ts';
export { type Problem, problemOf, sendProblem } from './problems.ts';
