import { ApiError } from './api.ts';
import { button, h, setText } from './dom.ts';

export interface DialogParts {
  readonly title: string;
  readonly content: readonly (HTMLElement | null)[];
  readonly submitLabel: string;
  /** Null closes the dialog; a text, or an ApiError, says why it stays open. */
  readonly onSubmit: () => Promise<string | null>;
}

/** A modal dialog; the focus goes back to where it was when it closes. */
export function openDialog({
  title,
  content,
  submitLabel,
  onSubmit,
}: DialogParts): HTMLDialogElement {
  const heading = h('h2', { id: 'dialog-title' }, title);
  const problem = h('p', { class: 'problem', role: 'alert' });
  const submit = h('button', { type: 'submit', class: 'primary' }, submitLabel);
  const cancel = button('Cancel', {}, () => dialog.close());
  const form = h(
    'form',
    { method: 'dialog', novalidate: true },
    heading,
    ...content,
    problem,
    h('div', { class: 'dialog-buttons' }, cancel, submit),
  );
  const dialog = h('dialog', { 'aria-labelledby': 'dialog-title' }, form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    onSubmit()
      .then((why) => {
        if (why === null) dialog.close();
        else setText(problem, why);
      })
      .catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        setText(problem, error.message);
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
