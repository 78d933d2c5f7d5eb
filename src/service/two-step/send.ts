import type { Channel, Gateway } from '../../domain/gateway.ts';
import type { User } from '../../domain/model.ts';
import { nameKey } from '../../domain/names.ts';
import { refusedFor } from '../../domain/lock.ts';
import type { Refused } from '../../domain/outcomes.ts';
import type { EffectivePolicy } from '../../domain/policy-catalogue.ts';
import { channelsOf, messageText } from '../../domain/virtual-otp.ts';
import { otpPlaceholder } from '../../domain/virtual-settings.ts';
import { DeliveryFailedError, type GatewayFailure, TallystickError } from '../../errors.ts';
import type { Facts } from '../attempt.ts';
import type { Context } from '../deps.ts';
import { fromModule } from '../module-calls.ts';
import type { DeliveryFailure, Message } from '../ports.ts';

const windowMs = 3_600_000;

/** Under which all messages of the installation are counted. */
export const installationScope: string = 'installation';

/** One message and what it counts against. */
export interface Sending {
  readonly user: User;
  readonly componentType: string;
  readonly otp: string;
  readonly gateways: readonly Gateway[];
  readonly policy: EffectivePolicy;
  readonly nowMs: number;
}

export type Sent =
  | { readonly kind: 'sent'; readonly facts: Facts }
  | { readonly kind: 'refused'; readonly refused: Refused; readonly facts: Facts }
  /** Nothing counts, and nothing is used up. */
  | { readonly kind: 'failed'; readonly fault: TallystickError; readonly facts: Facts };

/**
 * Sends a one-time password: by every channel of the user's or the policy's method, by the first
 * gateway of a channel that takes it; if none does, by the fallback's; while there is time. Counted
 * before it goes, so that many at once can't outrun a limit, and no longer if it does not.
 */
export async function sendOtp(context: Context, sending: Sending): Promise<Sent> {
  const { sendingTo } = context;
  const { id } = sending.user;
  // Whoever asks twice at once would have two messages, of which the first is worth nothing.
  if (sendingTo.has(id)) {
    throw new TallystickError('overloaded', 'A message to this user is on its way; try again.');
  }
  sendingTo.add(id);
  try {
    return await send(context, sending);
  } finally {
    sendingTo.delete(id);
  }
}

function overLimit(limit: string): Sent {
  return { kind: 'refused', refused: refusedFor('virtual-send-limit'), facts: { limit } };
}

async function send(context: Context, sending: Sending): Promise<Sent> {
  const counted = await count(context, sending);
  if (counted !== null) return overLimit(counted);
  const { user, policy } = sending;
  const untilMonotonicMs = context.clock.monotonicMs() + context.limits.sendDeadlineMs;
  const method = user.contact.deliveryMethod ?? policy.virtualDelivery;
  const attempts = await Promise.all(
    channelsOf(method).map((channel) => sendBy(context, sending, channel, untilMonotonicMs)),
  );
  const fallback = policy.virtualDeliveryFallback;
  if (!attempts.some(isTaken) && fallback !== 'none' && !channelsOf(method).includes(fallback)) {
    attempts.push(await sendBy(context, sending, fallback, untilMonotonicMs));
  }
  const facts: Facts = { delivery: attempts.map(textOf).join('; ') };
  if (attempts.some(isTaken)) return { kind: 'sent', facts };
  // What a gateway did not answer in time may be on its way all the same.
  if (!attempts.some(mayHaveGone)) await refund(context, sending);
  const fault = new DeliveryFailedError(attempts.flatMap(({ failures }) => failures));
  return { kind: 'failed', fault, facts };
}

/** How one channel went: which gateway took the message, or why none did. */
interface ChannelAttempt {
  readonly channel: Channel;
  readonly takenBy: string | null;
  readonly failures: readonly GatewayFailure[];
  /** Some gateway did not say that it took nothing. */
  readonly isOpen: boolean;
}

function mayHaveGone({ isOpen }: ChannelAttempt): boolean {
  return isOpen;
}

function isTaken({ takenBy }: ChannelAttempt): boolean {
  return takenBy !== null;
}

function textOf({ channel, takenBy, failures }: ChannelAttempt): string {
  const failed = failures.length === 0 ? '' : ` (${failures.map(failureText).join(', ')})`;
  return takenBy === null ? `${channel}: not sent${failed}` : `${channel}: ${takenBy}${failed}`;
}

function failureText({ gateway, kind, cause }: GatewayFailure): string {
  return gateway === null ? cause : `${gateway} ${kind}: ${cause}`;
}

async function sendBy(
  context: Context,
  { user, otp, gateways, policy }: Sending,
  channel: Channel,
  untilMonotonicMs: number,
): Promise<ChannelAttempt> {
  const { email, mobile, phone } = user.contact;
  const to = { email, sms: mobile, voice: phone ?? mobile }[channel];
  if (to === null) return notTried(channel, 'no address of the user');
  const text = messageText(policy.virtualMessage, otpPlaceholder, otp);
  const usable = gateways.filter((one) => one.channel === channel && !one.isDisabled);
  if (usable.length === 0) return notTried(channel, 'no gateway');
  const failures: GatewayFailure[] = [];
  let isOpen = false;
  for (const gateway of usable) {
    if (untilMonotonicMs - context.clock.monotonicMs() < gatewayMsMin) {
      failures.push({ channel, gateway: gateway.name, ...outOfTime });
      continue;
    }
    const message = { channel, to, text };
    const failure = await tryGateway(context, gateway, message, untilMonotonicMs);
    if (failure === null) return { channel, takenBy: gateway.name, failures, isOpen };
    isOpen ||= failure.kind === 'timeout';
    const { kind, detail: cause } = failure;
    failures.push({ channel, gateway: gateway.name, kind, cause });
  }
  return { channel, takenBy: null, failures, isOpen };
}

/** In less no gateway says whether it took a message, and some would have. */
const gatewayMsMin = 50;

/** Whoever waits has given up, or will: what comes too late to him helps nobody. */
const outOfTime = { kind: 'time', cause: 'not tried, the time for the whole message was over' };

function notTried(channel: Channel, cause: string): ChannelAttempt {
  const failure = { channel, gateway: null, kind: 'contract', cause };
  return { channel, takenBy: null, failures: [failure], isOpen: false };
}

/** Sends by one gateway; why it did not take the message, or null. */
export async function tryGateway(
  context: Context,
  { id, settings, sealedSecret }: Gateway,
  message: Message,
  untilMonotonicMs: number = Number.POSITIVE_INFINITY,
): Promise<DeliveryFailure | null> {
  const { clock, delivery, limits, module, logon } = context;
  const within = (limitMs: number): number =>
    Math.min(limitMs, untilMonotonicMs - clock.monotonicMs());
  let secret: Uint8Array | null = null;
  try {
    if (sealedSecret !== null) {
      const options = { ...logon, deadlineMs: within(logon.deadlineMs) };
      const opened = module.open('sensitive-data', gatewayContext(id), sealedSecret, options);
      secret = await fromModule(opened);
    }
    await delivery.send(settings, secret, message, {
      deadlineMs: within(limits.deliveryDeadlineMs),
    });
    return null;
  } catch (error) {
    if (isDeliveryFailure(error)) return error;
    const detail =
      error instanceof TallystickError
        ? `its secret could not be opened: ${error.code}`
        : 'sending failed unexpectedly';
    return { kind: 'contract', detail };
  } finally {
    secret?.fill(0);
  }
}

/** What a gateway's secret is sealed with: another record's can't be put in its place. */
export function gatewayContext(gatewayId: string): Uint8Array {
  return new TextEncoder().encode(`gateway ${gatewayId}`);
}

function isDeliveryFailure(value: unknown): value is DeliveryFailure {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Error) &&
    'kind' in value &&
    'detail' in value &&
    !('ckr' in value)
  );
}

interface Scope {
  readonly name: string;
  readonly key: string;
  readonly limit: number;
}

/** From what many share to what is one person's, so that his limit is reached last. */
function scopesOf({ limits }: Context, { user, componentType, policy }: Sending): readonly Scope[] {
  return [
    { name: 'installation', key: installationScope, limit: limits.sendsPerHourMax },
    {
      name: 'component',
      key: `component ${nameKey(componentType)}`,
      limit: policy.virtualSendsPerComponentPerHour,
    },
    { name: 'user', key: `user ${user.id}`, limit: policy.virtualSendsPerUserPerHour },
  ];
}

/** The limit that was reached, or null when the message is counted. */
async function count(context: Context, sending: Sending): Promise<string | null> {
  const counted: Scope[] = [];
  for (const scope of scopesOf(context, sending)) {
    const windowStartMs = sendWindowOf(sending.nowMs);
    if (!(await context.store.reserveSend(scope.key, windowStartMs, scope.limit))) {
      await giveBack(context, counted, windowStartMs);
      return scope.name;
    }
    counted.push(scope);
  }
  return null;
}

function refund(context: Context, sending: Sending): Promise<void> {
  return giveBack(context, scopesOf(context, sending), sendWindowOf(sending.nowMs));
}

async function giveBack(
  { store }: Context,
  scopes: readonly Scope[],
  windowStartMs: number,
): Promise<void> {
  for (const { key } of scopes) await store.refundSend(key, windowStartMs);
}

/** The hour of the clock in which a message counts. */
export function sendWindowOf(nowMs: number): number {
  return Math.floor(nowMs / windowMs) * windowMs;
}
