# frozen_string_literal: true

require_relative "helper"
require_relative "scheduler"
require "open3"

# Calls in fibers of a scheduler, as the gem async has one: while a call waits, other fibers run on the same thread.
class FiberTest < OciregTest
  # What the block schedules, to its end. On a thread of its own, which is the scheduler's.
  def scheduled
    Thread.new do
      Fiber.set_scheduler(scheduler = Scheduler.new)
      yield
      scheduler.run
    ensure
      Fiber.set_scheduler(nil)
    end.value
  end

  def test_other_fibers_run_while_a_call_waits
    silent = TCPServer.new("127.0.0.1", 0)
    turns = 0
    error = nil
    other = Ocireg::Client.new(plain_http: true)
    scheduled do
      Fiber.schedule do
        other.tags("127.0.0.1:#{silent.addr[1]}/a", timeout: 0.5)
      rescue Ocireg::Error => e
        error = e
      end
      Fiber.schedule { (turns += 1) && sleep(0.01) until error }
    end
    assert_kind_of Ocireg::TimeoutError, error
    assert_operator turns, :>, 20
  ensure
    silent&.close
  end

  # A destination that waits holds neither the call nor the other fibers.
  def test_a_destination_that_waits
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 1_000_000)["digest"]}"
    full = [IO.pipe, UNIXSocket.pair]
    other = client
    full.each do |unread, io|
      ends = {
        Ocireg::TimeoutError => -> { other.blob_to_io(reference, io, timeout: 0.3) },
        Timeout::Error => -> { Timeout.timeout(0.3) { other.blob_to_io(reference, io) } }
      }
      ends.each do |kind, call|
        turns = 0
        error = nil
        begun = now
        scheduled do
          Fiber.schedule do
            call.call
          rescue kind => e
            error = e
          end
          Fiber.schedule { (turns += 1) && sleep(0.01) until error || now > begun + 3 }
        end
        assert_kind_of kind, error
        assert_operator now - begun, :<, 1
        assert_operator turns, :>, 10
      end
    ensure
      unread.close
      io.close
    end
  end

  # An object that is not an IO is written to in the fiber.
  def test_a_destination_of_the_fibers_own
    reference = "#{repository = new_repository}@#{client.put_blob(repository, "x" * 300_000)["digest"]}"
    other = client
    got = +""
    fibers = []
    scheduled do
      Fiber.schedule do
        fibers << Fiber.current
        io = Object.new.tap { |it| it.define_singleton_method(:write) { |data| (fibers << Fiber.current) && sleep(0.001) && (got << data) } }
        other.blob_to_io(reference, io)
      end
    end
    assert_equal 300_000, got.bytesize
    assert_equal 1, fibers.uniq.size
  end

  def threads = Dir.children("/proc/self/task").size

  # What the block gives in a fiber, or raises there.
  def in_fiber
    given = error = nil
    scheduled do
      Fiber.schedule do
        given = yield
      rescue ::Exception => e # rubocop:disable Lint/RescueException
        error = e
      end
    end
    raise error if error

    given
  end

  def test_fibers_that_wait_cost_no_threads
    errors = []
    most = 0
    other = Ocireg::Client.new(plain_http: true, job_threads: 4)
    before = threads
    scheduled do
      300.times do
        Fiber.schedule do
          other.tags("#{silent}/a", timeout: 1)
        rescue Ocireg::TimeoutError => e
          errors << e
        end
      end
      Fiber.schedule { (most = [most, threads].max) && sleep(0.02) until errors.size == 300 }
    end
    assert_operator most, :<=, before + 12 # the schedulers', the one for events, four for jobs, at most as many for other hosts, the network's
  end

  def test_what_calls_give
    repository = new_repository
    one = put_image(repository: repository)
    manifest = client.manifest(one)
    digest = client.put_blob(repository, "hello")["digest"]
    assert_equal manifest.bytes, in_fiber { client.manifest(one) }.bytes
    assert_equal manifest.digest, in_fiber { client.manifest_digest(one) }
    assert_equal ["one"], in_fiber { client.tags(repository) }["tags"]
    assert_equal "hello", in_fiber { client.blob("#{repository}@#{digest}") }
    assert_equal digest, in_fiber { client.put_blob(repository, StringIO.new("hello")) }["digest"] # a source is not read by a job
    error = assert_raises(Ocireg::NotFound) { in_fiber { client.manifest("#{repository}:none") } }
    assert_equal 404, error.http_status
    assert(error.backtrace.any? { |line| line.include?("fiber_test.rb") })
    assert_raises(Ocireg::InvalidArgument) { in_fiber { client.tags(repository, nonsense: 1) } }
    assert_raises(Ocireg::InvalidArgument) { in_fiber { client.tags(repository, n: 0) } }
  end

  def test_blocks
    repository = new_repository
    seen = { steps: [], log: [], blobs: [], threads: [] }
    context = Ocireg::Context.new(log: ->(event) { seen[:log] << event }, blobs: ->(blob) { seen[:blobs] << blob }) do |done, _|
      seen[:steps] << done
      seen[:threads] << Thread.current
    end
    in_fiber { client.put_blob(repository, "x" * 3_000_000, context: context) }
    assert_equal 3_000_000, seen[:steps].last
    assert_equal 3_000_000, context.progress["done"]
    refute_empty seen[:log]
    image = put_image(repository: repository)
    in_fiber { Dir.mktmpdir { |folder| client.copy(image, "oci:#{folder}/layout", context: context) } }
    refute_empty seen[:blobs]
    refute_includes seen[:threads], Thread.current

    assert_equal "mine", assert_raises(RuntimeError) { in_fiber { client.tags(repository, context: Ocireg::Context.new(log: ->(_) { raise "mine" })) } }.message
    assert_raises(LocalJumpError) { in_fiber { client.tags(repository, context: Ocireg::Context.new(log: proc { break })) } }
    assert_raises(UncaughtThrowError) { in_fiber { catch(:it) { client.tags(repository, context: Ocireg::Context.new(log: ->(_) { throw :it })) } } }
    assert_raises(ThreadError) { in_fiber { client.tags(repository, context: Ocireg::Context.new(log: ->(_) { Thread.exit })) } }
    begun = now
    assert_raises(Ocireg::TimeoutError) { in_fiber { client.tags(repository, timeout: 0.3, context: Ocireg::Context.new(log: ->(_) { sleep })) } }
    assert_operator now - begun, :<, 2
  end

  def test_credentials
    host = OciregTest.registry("HTPASSWD")
    secrets = { username: "alice", password: "s3cret:with colon" }
    asked = []
    good = Ocireg::Client.new(plain_http: true, credentials: ->(name) { (asked << name) && secrets })
    errors = []
    scheduled { 5.times { Fiber.schedule { good.repositories(host) rescue errors << $! } } } # rubocop:disable Style/RescueModifier, Style/SpecialGlobalVars
    assert_empty errors
    assert_equal [host], asked
    assert_raises(Ocireg::Unauthenticated) { in_fiber { Ocireg::Client.new(plain_http: true, credentials: ->(_) {}).repositories(host) } }
    assert_raises(Ocireg::InvalidArgument) { in_fiber { Ocireg::Client.new(plain_http: true, credentials: ->(_) { { nonsense: "x" } }).repositories(host) } }
    assert_raises(TypeError) { in_fiber { Ocireg::Client.new(plain_http: true, credentials: ->(_) { "x" }).repositories(host) } }
    late = Ocireg::Client.new(plain_http: true, credentials: ->(_) { sleep(0.5) && secrets })
    assert_raises(Ocireg::TimeoutError) { in_fiber { late.repositories(host, timeout: 0.2) } }
  end

  # Its call would wait for itself.
  def test_a_question_within_a_question
    host = OciregTest.registry("HTPASSWD")
    ways = { at_once: :call.to_proc, enumerator: ->(call) { Enumerator.new { |all| all << call.call }.next },
             fiber: ->(call) { Fiber.new { call.call }.resume } }
    ways.each_value do |way|
      other = Ocireg::Client.new(plain_http: true)
      credentials = ->(_) { way.call(-> { other.repositories(host, context: Ocireg::Context.new(credentials: credentials)) }) }
      fails_within(3, Ocireg::Busy) { in_fiber { other.repositories(host, context: Ocireg::Context.new(credentials: credentials, timeout: 10)) } }
    end
  end

  def test_ends
    other = Ocireg::Client.new(plain_http: true)
    fails_within(1, Timeout::Error) { in_fiber { Timeout.timeout(0.2) { other.tags("#{silent}/a") } } }
    context = Ocireg::Context.new
    Thread.new { sleep(0.2) && context.cancel }
    fails_within(1, Ocireg::Cancelled) { in_fiber { other.tags("#{silent}/a", context: context) } }
    fails_within(1, Ocireg::Cancelled) { in_fiber { other.tags("#{silent}/a", context: context) } }
    Thread.new { sleep(0.2) && Thread.list.find { |thread| thread.name == "ocireg events" }.kill }
    fails_within(4, ThreadError) { in_fiber { other.tags("#{silent}/a") } }
    Thread.new { sleep(0.2) && other.close }
    fails_within(1, Ocireg::Closed) { in_fiber { other.tags("#{silent}/a") } }
  end

  # A call that ends wakes a fiber that nobody has any more.
  def test_fibers_that_a_scheduler_has_left
    script = <<~RUBY
      require "ocireg"
      require "#{__dir__}/scheduler"
      by_job = ->(client, **limit) { client.tags("#{silent}/a", **limit) }
      by_worker = ->(client, **limit) { client.put_blob("#{silent}/a", StringIO.new("x"), **limit) }
      by_carrier = ->(client, **limit) { client.blob_to_io("#{silent}/a@sha256:#{"a" * 64}", StringIO.new, **limit) }
      [by_job, by_worker, by_carrier].each do |way|
        client = Ocireg::Client.new(plain_http: true)
        calls = lambda do |**limit|
          Thread.new do
            Fiber.set_scheduler(Scheduler.new) # which runs at the thread's end
            20.times do
              Fiber.schedule do
                way.call(client, **limit)
              rescue Ocireg::TimeoutError
              end
            end
          end
        end
        10.times { calls.call.tap { sleep 0.2 }.kill.join }
        GC.start
        calls.call(timeout: 1).join
        GC.start
        client.close
        sleep 0.5
      end
    RUBY
    output, status = Open3.capture2e("timeout", "-s", "KILL", "60", RbConfig.ruby, "-W0", *$LOAD_PATH.flat_map { |folder| ["-I", folder] }, "-rstringio", "-e", script)
    assert_predicate status, :success?, output
  end

  # What comes while a slow block runs takes the place of what came before: the end does not wait for all of it.
  def test_a_slow_block
    host = serve { (sleep 3) && [200, {}, JSON.generate("name" => "a", "tags" => ["one"])] }
    told = 0
    begun = now
    assert_equal ["one"], in_fiber { client.tags("#{host}/a", context: Ocireg::Context.new { (told += 1) && sleep(0.6) }) }["tags"]
    assert_operator now - begun, :<, 4.5
    assert_operator told, :>, 2
  end

  # An exception that is raised in a fiber, while it waits for a block or a worker, comes out as it is.
  def test_raised_while_a_block_runs
    ways = { "block" => -> { client.tags("#{silent}/a", timeout: 20, context: Ocireg::Context.new { sleep }) },
             "source" => -> { client.put_blob("#{silent}/a", StringIO.new("x"), timeout: 20) },
             "reader" => -> { client.open_blob("#{silent}/a@sha256:#{"a" * 64}", timeout: 20) } }
    ways.each_value { |way| fails_within(2, Timeout::Error) { in_fiber { Timeout.timeout(0.6) { way.call } } } }
  end

  # The calls of a thread that has ended hold none of the library's threads.
  def test_calls_of_a_thread_that_has_ended
    other = Ocireg::Client.new(plain_http: true, job_threads: 2)
    thread = Thread.new do
      Fiber.set_scheduler(Scheduler.new)
      20.times { Fiber.schedule { other.tags("#{silent}/a") } }
    end
    sleep 0.3
    thread.kill.join
    repository = new_repository
    put_image(repository: repository)
    assert_equal ["one"], in_fiber { other.tags(repository, timeout: 10) }["tags"]
    calls = other.instance_variable_get(:@defaults).calls
    limit = now + 10
    sleep 0.1 until calls.empty? || now > limit
    assert_empty calls
  end

  # Fibers of several schedulers have one client, and none gets another's.
  def test_several_schedulers
    repository = new_repository
    references = Array.new(8) { |i| "#{repository}@#{client.put_blob(repository, "blob #{i}")["digest"]}" }
    got = Array.new(4) do |number|
      Thread.new do
        found = {}
        scheduled { 40.times { |i| Fiber.schedule { found[i] = client.blob(references[(i + number) % 8]) } } }
        found
      end
    end
    got.each_with_index { |thread, number| assert_equal 40.times.to_h { |i| [i, "blob #{(i + number) % 8}"] }, thread.value }
  end

  def test_after_a_fork
    in_fiber { client.tags(File.dirname(put_image)) rescue nil } # rubocop:disable Style/RescueModifier
    pid = fork do
      in_fiber { client.ping(registry) }
      exit!(1)
    rescue Ocireg::Forked
      exit!(0)
    rescue ::Exception # rubocop:disable Lint/RescueException
      exit!(2)
    end
    assert_equal 0, Process.wait2(pid)[1].exitstatus
  end

  def test_calls_of_many_fibers
    repository = new_repository
    digest = client.put_blob(repository, "x" * 300_000)["digest"]
    sizes = []
    scheduled do
      20.times { Fiber.schedule { sizes << client.blob("#{repository}@#{digest}").bytesize } }
      Fiber.schedule { client.open_blob("#{repository}@#{digest}") { |reader| sizes << reader.read.bytesize } }
    end
    assert_equal [300_000] * 21, sizes
  end
end
