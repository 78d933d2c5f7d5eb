import { z } from 'zod';
import { type Call, type Endpoint, one, type Reply } from './endpoint.ts';
import { parseBy } from './input.ts';
import { authenticatorJson } from './views.ts';
import type { PinEdit } from '../service/api.ts';

const application = z.string().optional();
const minimumLength = z.number();

const editBody = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('enable'),
    application,
    minimumLength: minimumLength.optional(),
  }),
  z.strictObject({ action: z.enum(['disable', 'reset', 'force']), application }),
  z.strictObject({
    action: z.literal('set'),
    application,
    pin: z.string(),
    confirmation: z.string(),
    mustChange: z.boolean().optional(),
    policy: z.string().optional(),
  }),
  z.strictObject({ action: z.literal('minimum'), application, minimumLength }),
]);

export const pinEndpoints: readonly Endpoint[] = [
  { method: 'post', path: '/v1/authenticators/:serial/pin', body: 'required', run: edit },
];

async function edit({ service, caller, path: { serial }, body }: Call): Promise<Reply> {
  const given = parseBy(editBody, body);
  const view = await service.administration.editPin(
    caller,
    serial ?? '',
    given.application ?? null,
    editOf(given),
  );
  return one(authenticatorJson(view), view.version);
}

function editOf(given: z.infer<typeof editBody>): PinEdit {
  switch (given.action) {
    case 'enable':
      return { action: given.action, minimumLength: given.minimumLength ?? null };
    case 'minimum':
      return { action: given.action, minimumLength: given.minimumLength };
    case 'set': {
      const { action, pin, confirmation, mustChange, policy } = given;
      const newPin = { pin, confirmation };
      return { action, newPin, mustChange: mustChange ?? false, policyName: policy ?? null };
    }
    case 'disable':
    case 'reset':
    case 'force':
      return { action: given.action };
  }
}
