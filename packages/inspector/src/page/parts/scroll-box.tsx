import type { ComponentChildren, Ref } from "preact";

interface ScrollBoxProps {
  readonly name: string;
  readonly class: string;
  readonly children: ComponentChildren;
  readonly box?: Ref<HTMLElement>;
  readonly onScroll?: (event: { readonly currentTarget: HTMLElement }) => void;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
}

/** What scrolls by itself: a landmark of its own that the keyboard reaches. */
export const ScrollBox = ({ name, class: className, children, box, onScroll, onKeyDown }: ScrollBoxProps) => (
  <section
    class={className}
    aria-label={name}
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    tabIndex={0}
    ref={box ?? null}
    {...(onScroll === undefined ? {} : { onScroll })}
    {...(onKeyDown === undefined ? {} : { onKeyDown })}
  >
    {children}
  </section>
);
