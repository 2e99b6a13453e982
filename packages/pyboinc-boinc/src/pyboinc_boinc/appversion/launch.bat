@echo off
rem The main program of the app version on Windows: finds Python 3.9 or later and starts it.
setlocal EnableExtensions DisableDelayedExpansion

rem The SHA-256 of python.tar.gz, if the app version has one.
set "shipped=@SHIPPED@"

call :resolve runtime.zip
call :place "%file%"
if "%file%"=="runtime.zip" set "project="

if not defined shipped goto :again
if defined project (set "home=%project%pyboinc_cpython_%shipped%") else (set "home=%CD%\pyboinc_cpython_%shipped%")
if not exist "%home%\python.exe" call :unpack
if exist "%home%\python.exe" set "python=%home%\python.exe" & goto :start
echo pyboinc: the shipped Python is damaged or can't be unpacked; looking for another one>&2

rem What the last task found is taken without a trial; emptied until the runtime, when it runs, has written it again.
:again
if not defined project goto :search
set "python="
if exist "%project%pyboinc_python" set /p python=<"%project%pyboinc_python"
type nul > "%project%pyboinc_python" 2> nul
if defined python if exist "%python%" goto :start

:search
set "python="
set "folders=%PATH:"=%"
for %%F in ("%folders:;=" "%") do if not "%%~F"=="" call :try "%%~F\python.exe"
for /d %%F in ("%LOCALAPPDATA%\Programs\Python\Python3*" "%ProgramFiles%\Python3*" "%SystemDrive%\Python3*") do call :try "%%~F\python.exe"
if defined python goto :start
echo pyboinc: this computer has no Python 3.9 or later in its PATH or the usual folders>&2
exit /b 206

:start
"%python%" -I -S -c "@BOOT@" "%runtime%" %1
exit /b %errorlevel%

rem A candidate counts if it says within 10 seconds that it is recent. The one of Windows' store that only offers to install
rem Python is in WindowsApps; a relative folder would be in the slot.
:try
if defined python exit /b
set "candidate=%~1"
if not exist "%candidate%" exit /b
if not "%candidate:WindowsApps=%"=="%candidate%" exit /b
if not "%candidate:~1,1%"==":" if not "%candidate:~0,2%"=="\\" exit /b
set "answer=%CD%\pyboinc_answer_%random%.txt"
start "" /b "%candidate%" -I -S -c "import sys; open(sys.argv[1], 'w').write(str(sys.version_info >= (3, 9)) + chr(10))" "%answer%"
set "said="
for /l %%I in (1, 1, 10) do call :wait
if "%said%"=="True" set "python=%candidate%"
if not defined said call :kill
del "%answer%" > nul 2> nul
exit /b

:wait
if defined said exit /b
if exist "%answer%" set /p said=<"%answer%"
if not defined said ping -n 2 127.0.0.1 > nul 2> nul
exit /b

rem One that hangs: cmd does not know its number, but no other process has this file's path in its command line.
:kill
powershell -NoProfile -NonInteractive -Command "Get-CimInstance Win32_Process | Where-Object { $_.ProcessId -ne $PID -and $_.CommandLine -and $_.CommandLine.Contains($env:answer) } | ForEach-Object { Stop-Process -Force -Id $_.ProcessId }" < nul > nul 2> nul
exit /b

:unpack
call :resolve python.tar.gz
set "digest="
for /f "skip=1 delims=" %%D in ('certutil -hashfile "%file%" SHA256') do if not defined digest set "digest=%%D"
if not "%digest: =%"=="%shipped%" exit /b
set "new=%project%pyboinc_unpack_%random%"
mkdir "%new%" && tar -xzf "%file%" -C "%new%" && move "%new%" "%home%" > nul
if exist "%new%" rmdir /s /q "%new%"
for /d %%D in ("%project%pyboinc_cpython_*") do call :drop "%%~fD"
exit /b

rem Remove an unpacked one whose archive the client has removed.
:drop
set "old=%~1"
set "old=%old:*pyboinc_cpython_=%"
if not "%old%"=="%shipped%" if not exist "%project%pyboinc_python*_%old:~0,16%*" rmdir /s /q "%~1" 2> nul
exit /b

:place
set "runtime=%~f1"
set "project=%~dp1"
exit /b

rem A file of the task: itself, or the line <soft_link>PATH</soft_link>.
:resolve
set "file=%~1"
for /f "usebackq tokens=1,2 delims=<>" %%A in ("%~1") do (
    if "%%A"=="soft_link" set "file=%%B"
    goto :resolved
)
:resolved
set "file=%file:/=\%"
exit /b
