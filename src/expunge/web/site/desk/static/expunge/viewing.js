// Plays a view of the review desk: pieces of two seconds, each asked for when it is needed, and nothing once the lease has ended.
// Without a word of the lease within three seconds nothing is shown either. Words come from the page: this file has none.
'use strict'

const AHEAD = 2 // seconds that are held ahead at least; with the piece that follows four at most
const PIECE = 2000 // milliseconds
const KEPT = 4 // seconds that stay held behind
const SILENT = 3000 // milliseconds without a beat of the lease after which nothing is shown
const REPORT = 5000 // milliseconds between two reports
const STEP = 5 // seconds of an arrow key

const room = document.getElementById('viewing')
const words = room ? room.dataset : {}
const at = name => room.querySelector(`[data-part=${name}]`)
const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`

// What a browser needs to be told of a piece (RFC 6381): its first box says it.
function codecs (data) {
  const bytes = new Uint8Array(data, 0, Math.min(data.byteLength, 4096))
  const find = mark => bytes.findIndex((_, place) => [...mark].every((letter, number) => bytes[place + number] === letter.charCodeAt(0)))
  const picture = find('avcC')
  const found = picture < 0 ? [] : ['avc1.' + [...bytes.subarray(picture + 5, picture + 8)].map(each => each.toString(16).padStart(2, '0')).join('')]
  if (find('mp4a') >= 0) found.push('mp4a.40.2')
  return `video/mp4; codecs="${found.join(',')}"`
}

// The lease: its beats, what is left of it, and its end.
class Lease {
  constructor (over) {
    this.over = over
    this.left = Number(words.left)
    this.heard = performance.now()
    this.begun = false
    this.ended = false
    this.told = this.left
    this.events = new EventSource(words.live)
    this.events.addEventListener('beat', event => this.beat(Number(event.data)))
    this.events.addEventListener('over', event => this.end(event.data))
    this.events.addEventListener('full', () => this.end(words.full))
    this.events.onerror = () => this.end(words.lost)
    this.timer = setInterval(() => this.look(), 250)
  }

  beat (left) {
    this.heard = performance.now()
    this.left = left
    this.begun = true
  }

  look () {
    const silent = performance.now() - this.heard
    if (silent > SILENT) { this.end(words.lost); return }
    const left = Math.max(0, Math.ceil(this.left - silent / 1000))
    at('left').textContent = clock(left)
    room.classList.toggle('soon', left <= 60)
    this.announce(left)
    if (left === 0) this.end(words.timeOver)
  }

  // Said at five minutes, at one, and in the last ten seconds; never each second.
  announce (left) {
    for (const [moment, part, told] of [[300, 'polite', words.fiveLeft], [60, 'polite', words.oneLeft], [10, 'now', words.tenLeft]]) {
      if (left <= moment && this.told > moment) at(part).textContent = told
    }
    this.told = left
  }

  end (why) {
    if (this.ended) return
    this.ended = true
    this.events.close()
    clearInterval(this.timer)
    this.over(why || words.lost)
  }
}

// What is shown is counted, and told to the record every few seconds.
class Account {
  constructor () {
    this.counts = { shown: 0, seeks: 0, hidden: 0 }
  }

  add (what, number) {
    this.counts[what] += number
  }

  form (ended) {
    const fields = new FormData(document.getElementById('report'))
    for (const [name, count] of Object.entries(this.counts)) fields.set(name, String(Math.round(count)))
    fields.set('ended', ended ? '1' : '0')
    return new URLSearchParams(fields)
  }

  async tell (ended) {
    const told = { ...this.counts }
    if (!ended && !told.shown && !told.seeks && !told.hidden) return
    const body = this.form(ended)
    this.counts = { shown: 0, seeks: 0, hidden: 0 }
    try {
      const answer = await fetch(words.report, { method: 'POST', body, keepalive: true, redirect: 'manual', credentials: 'same-origin' })
      if (!answer.ok) throw new Error(String(answer.status))
    } catch {
      // What was not taken is told with the next report.
      for (const [name, count] of Object.entries(told)) this.counts[name] += count
    }
  }

  leave () {
    navigator.sendBeacon(words.report, this.form(true))
  }
}

class Player {
  constructor (account, stop) {
    this.account = account
    this.stop = stop
    this.video = at('video')
    this.first = Number(words.first)
    this.last = Number(words.last)
    this.next = this.floor(Number(words.at))
    this.round = 0
    this.filling = false
    this.place = this.next / 1000 // where it begins, until a first piece is there
    this.before = this.place
    this.asking = new AbortController()
    this.video.disableRemotePlayback = true
    this.video.disablePictureInPicture = true
    for (const name of ['timeupdate', 'waiting', 'seeking', 'playing']) this.video.addEventListener(name, () => this.fill())
    for (const name of ['play', 'pause', 'ended']) this.video.addEventListener(name, () => this.show())
    this.video.addEventListener('error', () => { if (this.video.getAttribute('src')) this.stop(words.broken) })
  }

  floor (milliseconds) {
    const inside = Math.max(this.first, Math.min(milliseconds, this.last - 1))
    return this.first + Math.floor((inside - this.first) / PIECE) * PIECE
  }

  begin () {
    this.source = new MediaSource()
    this.address = URL.createObjectURL(this.source)
    this.video.src = this.address
    this.source.addEventListener('sourceopen', () => this.fill(), { once: true })
  }

  get now () {
    return this.buffer ? this.video.currentTime : this.place
  }

  get ahead () {
    const held = this.video.buffered
    for (let number = 0; number < held.length; number++) {
      if (held.start(number) <= this.video.currentTime + 0.1 && this.video.currentTime < held.end(number)) return held.end(number) - this.video.currentTime
    }
    return 0
  }

  async fill () {
    if (this.filling || this.over || this.source?.readyState === 'closed') return
    this.filling = true
    try {
      while (!this.over && this.next < this.last && this.ahead < AHEAD) {
        const round = this.round
        const data = await this.piece(this.next, Math.min(this.next + PIECE, this.last))
        if (this.over || data === null) return
        if (round !== this.round) continue
        await this.append(data)
        this.next = Math.min(this.next + PIECE, this.last)
      }
      if (!this.over && this.next >= this.last && this.source.readyState === 'open' && !this.buffer?.updating) this.source.endOfStream()
    } catch (error) {
      if (!this.over) this.stop(error.name === 'TypeError' ? words.lost : words.broken)
    } finally {
      this.filling = false
    }
  }

  // A piece, once it is there; null where it was refused: that ends all.
  async piece (first, last) {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${words.segment}?first=${first}&last=${last}`, { cache: 'no-store', redirect: 'manual', credentials: 'same-origin', signal: this.asking.signal })
      if (answer.ok) return answer.arrayBuffer()
      if (answer.status !== 503 || tries >= 4) {
        const told = await answer.json().catch(() => ({}))
        this.stop(told.words || words.lost)
        return null
      }
      await new Promise(resolve => setTimeout(resolve, 1000))
      if (this.over) return null
    }
  }

  async append (data) {
    if (!this.buffer) {
      const kind = codecs(data)
      if (!MediaSource.isTypeSupported(kind)) throw new Error(kind)
      this.buffer = this.source.addSourceBuffer(kind)
      this.source.duration = this.last / 1000
      this.video.currentTime = this.place
      this.before = this.place
    }
    await this.settled(() => this.buffer.appendBuffer(data))
    const behind = this.video.currentTime - KEPT
    if (behind > this.first / 1000 && this.video.buffered.length && this.video.buffered.start(0) < behind) {
      await this.settled(() => this.buffer.remove(0, behind))
    }
  }

  settled (act) {
    return new Promise((resolve, reject) => {
      this.buffer.addEventListener('updateend', resolve, { once: true })
      this.buffer.addEventListener('error', () => reject(new Error('append')), { once: true })
      act()
    })
  }

  // Seconds from the beginning of the recording.
  async seek (seconds) {
    if (this.over) return
    const target = Math.max(this.first / 1000, Math.min(seconds, (this.last - 1) / 1000))
    this.account.add('seeks', 1)
    this.place = this.before = target
    this.round++
    this.next = this.floor(target * 1000)
    if (this.buffer && !this.buffer.updating && this.source.readyState !== 'closed') {
      await this.settled(() => this.buffer.remove(0, this.last / 1000 + 1)).catch(() => {})
    }
    if (this.over) return
    this.video.currentTime = target
    this.show()
    await this.fill()
  }

  play () {
    if (this.over || document.hidden) return
    room.classList.remove('away-from')
    this.video.play().catch(() => {})
  }

  toggle () {
    if (!this.video.paused) { this.video.pause(); return }
    if (this.video.ended) this.seek(this.first / 1000).then(() => this.play())
    else this.play()
  }

  // Four times a second: what was shown since.
  look () {
    const now = this.now
    if (!this.video.paused && !document.hidden && now > this.before && now - this.before < 1.5) this.account.add('shown', (now - this.before) * 1000)
    this.before = now
    this.show()
  }

  show () {
    const [begin, now] = [this.first / 1000, this.now]
    at('time').textContent = `${clock(Math.max(0, now - begin))} / ${clock((this.last - this.first) / 1000)}`
    at('play').textContent = this.video.paused ? words.play : words.pause
    const slide = at('slide')
    if (document.activeElement !== slide || !this.video.paused) slide.value = String(Math.round((now - begin) * 10) / 10)
    slide.setAttribute('aria-valuetext', at('time').textContent)
    for (const field of document.querySelectorAll('[data-at]')) field.value = String(Math.max(this.first, Math.round(now * 1000)))
  }

  end () {
    this.over = true
    this.asking.abort()
    this.video.pause()
    try {
      if (this.source?.readyState === 'open' && this.buffer) {
        this.buffer.abort()
        this.source.removeSourceBuffer(this.buffer)
      }
    } catch {
      // It was removed already: all that follows takes the picture away as well.
    }
    this.video.removeAttribute('src')
    this.video.load()
    if (this.address) URL.revokeObjectURL(this.address)
    this.video.remove()
  }
}

function begin () {
  const account = new Account()
  let player = null
  let told = false
  const stop = why => {
    if (told) return
    told = true
    player?.end()
    lease.end(why)
    for (const each of room.querySelectorAll('[data-shown]')) each.remove()
    at('why').textContent = why
    at('ended').hidden = false
    at('now').textContent = ''
    at('ended').focus()
    account.tell(true)
  }
  const lease = new Lease(stop)
  room.querySelectorAll('[data-scripted]').forEach(each => { each.hidden = false })

  const video = at('video')
  if (video && !window.MediaSource) { stop(words.broken); return }
  if (video) {
    player = new Player(account, stop)
    player.begin()
    at('play').addEventListener('click', () => player.toggle())
    at('back').addEventListener('click', () => player.seek(player.now - STEP))
    at('on').addEventListener('click', () => player.seek(player.now + STEP))
    at('slide').addEventListener('change', event => player.seek(player.first / 1000 + Number(event.target.value)))
    setInterval(() => { if (!told) player.look() }, 250)
    player.play()
  } else if (at('stage')) {
    // A still, or a text: what counts is how long it is in front.
    setInterval(() => { if (!told && !document.hidden) account.add('shown', 250) }, 250)
  }
  setInterval(() => { if (!told) account.tell(false) }, REPORT)

  room.addEventListener('contextmenu', event => event.preventDefault())
  room.addEventListener('dragstart', event => event.preventDefault())
  let hiddenAt = 0
  const hide = () => {
    hiddenAt = performance.now()
    room.classList.add('away-from')
    player?.video.pause()
  }
  document.addEventListener('visibilitychange', () => {
    if (told) return
    if (document.hidden) hide()
    else {
      account.add('hidden', performance.now() - hiddenAt)
      hiddenAt = 0
      account.tell(false)
    }
  })
  if (document.hidden) hide()
  at('again')?.addEventListener('click', () => {
    room.classList.remove('away-from')
    if (player) { at('play').focus(); player.play() } else at('stage').focus()
  })
  window.addEventListener('pagehide', () => {
    if (told) return
    if (hiddenAt) account.add('hidden', performance.now() - hiddenAt)
    account.leave()
  })

  const keys = at('keys')
  const listening = () => keys.getAttribute('aria-pressed') === 'true'
  keys.addEventListener('click', () => keys.setAttribute('aria-pressed', String(!listening())))
  document.addEventListener('keydown', event => {
    if (told || event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.target.closest('textarea, select, input:not([type=range])')) return
    const key = event.key.toLowerCase()
    const recuse = listening() && { k: 'knows', h: 'harms' }[key]
    if (recuse) {
      event.preventDefault()
      // Taken away first: the answer may take a moment.
      player?.end()
      for (const each of room.querySelectorAll('[data-shown]')) each.hidden = true
      document.getElementById(recuse).requestSubmit()
      return
    }
    if (!player || event.target.closest('button, a, summary, input')) return
    if (key === ' ') player.toggle()
    else if (key === 'arrowleft') player.seek(player.now - STEP)
    else if (key === 'arrowright') player.seek(player.now + STEP)
    else return
    event.preventDefault()
  })
}

if (room) begin()
