// Comforts that a page does not need: it works the same without this file.
'use strict'

function reveal (button) {
  const field = document.getElementById(button.dataset.reveals)
  button.hidden = false
  button.addEventListener('click', () => {
    const shown = field.type === 'text'
    field.type = shown ? 'password' : 'text'
    button.firstElementChild.textContent = shown ? button.dataset.show : button.dataset.hide
  })
  // A browser keeps what was typed into a field of text, and shows it to the next person.
  field.form.addEventListener('submit', () => { field.type = 'password' })
}

function copy (button) {
  const codes = document.getElementById(button.dataset.copies)
  if (!navigator.clipboard) return
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText([...codes.children].map(code => code.textContent.trim()).join('\n'))
    document.getElementById(button.dataset.says).textContent = button.dataset.done
  })
}

document.querySelectorAll('button[data-reveals]').forEach(reveal)
document.querySelectorAll('button[data-copies]').forEach(copy)
document.querySelectorAll('button[data-prints]').forEach(button => {
  button.hidden = false
  button.addEventListener('click', () => window.print())
})
// A form that came back with problems says so first, to a screen reader too.
document.querySelector('[data-first]')?.focus()
// On a phone the pages of an account stand in one row: the present one shall be in sight. Why not scrollIntoView: in Chromium the keyboard
// then begins at that page, behind the way past the navigation.
const row = document.querySelector('.rooms:has([aria-current])')
if (row) {
  const present = row.querySelector('[aria-current]').getBoundingClientRect()
  row.scrollLeft += present.left + present.width / 2 - row.getBoundingClientRect().left - row.clientWidth / 2
}
