/** The listener: TLS, limits, request ids, health and drain. It knows no use case. */
export { type AppOptions, createApp, isLoopback, plainAddress, onlyBy, sendJson } from './app.ts';
export { endUnread, readBody } from './body.ts';
export { type AnswerError, contextOf, type RequestLine } from './context.ts';
export { type JsonValue, parseStrictJson } from './json.ts';
export { listen, type Listener } from './listener.ts';
export { type Problem, sendProblem } from './problems.ts';
