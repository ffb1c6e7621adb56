import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons, the one that changes something last. */
  readonly actions?: ComponentChildren;
}

/** The browser's own modal dialog: it keeps the focus, ends with Escape, and gives the focus back. Shown as long as it is drawn. */
export function Dialog({ title, onClose, children, actions }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    element.current?.showModal();
    return () => element.current?.close();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={heading} onClose={onClose}>
      <h2 id={heading}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">
        <button type="button" onClick={() => element.current?.close()}>
          {actions === undefined ? "Close" : "Cancel"}
        </button>
        {actions}
      </div>
    </dialog>
  );
}
